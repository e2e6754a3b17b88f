//! A note beside the segments: up to here the log is known, so a start reads only what follows.
//!
//! It says nothing that the segments do not: without it, or where it does not fit them, the start
//! reads them whole. The one exception is the first offset kept, which may lie inside a segment
//! after `DeleteRecords`.

use std::io;
use std::path::Path;

use bytes::{Buf, BufMut};

use crate::log::disk::Storage;
use crate::log::index::TimeEntry;
use crate::log::producers::Producers;
use crate::log::segment::Place;

const FILE: &str = "recovery-point";

/// The layout of the file; one of another layout is ignored.
const VERSION: u16 = 1;

/// A log as far as it was known when this was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecoveryPoint {
    pub(crate) start_offset: i64,
    /// The segment that was written to.
    pub(crate) segment: i64,
    pub(crate) place: Place,
    pub(crate) producers: Producers,
}

/// Writes a recovery point in the place of the one before.
pub(crate) fn write(
    storage: &Storage,
    directory: &Path,
    (start_offset, segment): (i64, i64),
    place: &Place,
    producers: &Producers,
) -> io::Result<()> {
    let mut body = Vec::new();
    body.put_u16(VERSION);
    body.put_i64(start_offset);
    body.put_i64(segment);
    body.put_u64(place.size_bytes);
    body.put_i64(place.next_offset);
    body.put_i64(place.first_append_ms.unwrap_or(i64::MIN));
    body.put_i64(place.newest.timestamp);
    body.put_i64(place.newest.last_offset);
    body.put_u64(place.indexed_to);
    body.put_u64(place.offset_entries);
    body.put_u64(place.time_entries);
    producers.encode(&mut body);
    body.put_u32(crc32c::crc32c(&body));
    storage.replace(&directory.join(FILE), &body)
}

/// Reads the recovery point; `None` where there is none that can be believed.
pub(crate) fn read(directory: &Path) -> io::Result<Option<RecoveryPoint>> {
    match std::fs::read(directory.join(FILE)) {
        Ok(bytes) => {
            let point = decode(&bytes);
            if point.is_none() {
                let directory = directory.display();
                tracing::warn!(%directory, "A recovery point is not whole; the log is read instead");
            }
            Ok(point)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn decode(bytes: &[u8]) -> Option<RecoveryPoint> {
    let (body, mut crc) = bytes.split_last_chunk::<4>().map(|(body, crc)| (body, &crc[..]))?;
    if crc.get_u32() != crc32c::crc32c(body) {
        return None;
    }
    let from = &mut { body };
    if from.try_get_u16().ok()? != VERSION {
        return None;
    }
    let start_offset = from.try_get_i64().ok()?;
    let segment = from.try_get_i64().ok()?;
    let place = Place {
        size_bytes: from.try_get_u64().ok()?,
        next_offset: from.try_get_i64().ok()?,
        first_append_ms: Some(from.try_get_i64().ok()?).filter(|ms| *ms != i64::MIN),
        newest: TimeEntry {
            timestamp: from.try_get_i64().ok()?,
            last_offset: from.try_get_i64().ok()?,
        },
        indexed_to: from.try_get_u64().ok()?,
        offset_entries: from.try_get_u64().ok()?,
        time_entries: from.try_get_u64().ok()?,
    };
    let producers = Producers::decode(from)?;
    Some(RecoveryPoint { start_offset, segment, place, producers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read(directory.path()).unwrap(), None);
        let place = Place { size_bytes: 9, first_append_ms: Some(4), ..Place::first(70) };
        let producers = Producers::default();
        write(&Storage::new(false), directory.path(), (5, 70), &place, &producers).unwrap();
        let expected = RecoveryPoint { start_offset: 5, segment: 70, place, producers };
        assert_eq!(read(directory.path()).unwrap(), Some(expected));
        let path = directory.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 1;
            std::fs::write(&path, &broken).unwrap();
            assert_eq!(read(directory.path()).unwrap(), None, "byte {at} flipped");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(read(directory.path()).unwrap(), None, "{at} bytes kept");
        }
    }
}
