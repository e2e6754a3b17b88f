//! Reads a log's directory on start: as little of it as the recovery point allows.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::batch::BatchHeader;
use crate::log::disk::{Disk, Storage};
use crate::log::index::{IndexView, OffsetEntry, TimeEntry};
use crate::log::producers::{PRODUCER_EXPIRY_MS, Producers};
use crate::log::recovery_point::{self, RecoveryPoint};
use crate::log::segment::{self, Place, Segment, Trust};
use crate::log::view::{LastWrite, SegmentView};

/// What a directory holds.
pub(crate) struct Recovered {
    pub(crate) closed: Vec<SegmentView>,
    pub(crate) active: Segment,
    pub(crate) start_offset: i64,
    pub(crate) producers: Producers,
    /// How much had to be read to know it.
    pub(crate) scanned_bytes: u64,
    /// There is a recovery point that is wrong: behind more batches it would look right.
    pub(crate) is_point_wrong: bool,
}

/// Recovers the log in `directory`; makes its first segment where there is none.
///
/// Segments before the recovery point's are taken by their indexes, the point's own from the point
/// on, later ones whole. The end of the last one is cut where it is torn; torn bytes elsewhere are
/// only left out. Where the disk may have lost what was written, nothing is taken without its
/// checksum.
pub(crate) fn recover(
    storage: &Storage,
    directory: &Arc<Path>,
    now_ms: i64,
) -> io::Result<Recovered> {
    let disk = &*storage.disk;
    let point = recovery_point::read(directory)?;
    let bases = segments(directory, point.as_ref())?;
    // The segments do not say it, so it holds whether or not the rest fits them.
    let start = point.as_ref().map_or(i64::MIN, |point| point.start_offset);
    let has_point = point.is_some();
    let known = point.filter(|_| storage.is_whole);
    let known = known.and_then(|point| believe(disk, directory, &bases, point));
    let is_point_wrong = has_point && known.is_none();
    let (mut known, known_segment, mut producers) = match known {
        Some((segment, point)) => (Some(segment), point.segment, point.producers),
        None => (None, i64::MIN, Producers::default()),
    };
    let mut closed = Vec::new();
    let mut scanned_bytes = 0;
    for (at, base) in bases.iter().copied().enumerate() {
        let next = bases.get(at + 1).copied();
        if base < known_segment
            && let Some(next) = next
            && let Some(view) = closed_by_indexes(directory, base, next)?
        {
            closed.push(view);
            continue;
        }
        let resumed = known.take_if(|segment| segment.base_offset() == base);
        let mut segment = match resumed {
            Some(segment) => segment,
            None => Segment::resume(disk, directory, base, Place::first(base))?,
        };
        let before = segment.place().size_bytes;
        let may_be_torn = next.is_none() || !storage.is_whole;
        let trust = if may_be_torn { Trust::Verify } else { Trust::Headers };
        // Not the batch's own time: that is whatever its producer says.
        segment.scan(disk, trust, |header: &BatchHeader, written_ms| {
            if base >= known_segment {
                producers.record(header, written_ms);
                producers.keep();
            }
        })?;
        scanned_bytes += segment.place().size_bytes - before;
        if next.is_some() {
            closed.push(segment.close(storage));
        } else {
            segment.cut(disk)?;
            known = Some(segment);
        }
    }
    let active = match known {
        Some(segment) => segment,
        None => Segment::create(disk, directory, 0)?,
    };
    producers.expire(now_ms.saturating_sub(PRODUCER_EXPIRY_MS));
    let first = closed.first().map_or(active.base_offset(), |segment| segment.base_offset);
    let start_offset = start.clamp(first, active.place().next_offset.max(first));
    Ok(Recovered { closed, active, start_offset, producers, scanned_bytes, is_point_wrong })
}

/// The segments there are, without those that a failed roll left behind: empty, while the segment
/// before was written on. One that the recovery point names was rolled to.
fn segments(directory: &Path, point: Option<&RecoveryPoint>) -> io::Result<Vec<i64>> {
    let all = segment::list(directory)?;
    let mut kept = Vec::with_capacity(all.len());
    for (at, base) in all.iter().copied().enumerate() {
        let is_last = at + 1 == all.len();
        let is_known = point.is_some_and(|point| point.segment == base);
        let may_be_empty = is_last && (is_known || kept.is_empty());
        if may_be_empty || std::fs::metadata(segment::path_of(directory, base))?.len() > 0 {
            kept.push(base);
        } else {
            segment::delete(directory, base)?;
        }
    }
    Ok(kept)
}

/// The point's segment behind the point, where the files bear it out.
fn believe(
    disk: &dyn Disk,
    directory: &Arc<Path>,
    bases: &[i64],
    point: RecoveryPoint,
) -> Option<(Segment, RecoveryPoint)> {
    bases.binary_search(&point.segment).ok()?;
    match Segment::resume(disk, directory, point.segment, point.place) {
        Ok(segment) => Some((segment, point)),
        Err(error) => {
            let directory = directory.display();
            tracing::warn!(%directory, %error, "A recovery point does not fit its log; the log is read");
            None
        }
    }
}

/// A segment that was closed whole, without reading it; `None` where its indexes do not say enough.
fn closed_by_indexes(
    directory: &Arc<Path>,
    base_offset: i64,
    next_offset: i64,
) -> io::Result<Option<SegmentView>> {
    let size_bytes = std::fs::metadata(segment::path_of(directory, base_offset))?.len();
    let Some(times) = IndexView::<TimeEntry>::closed(directory, base_offset)? else {
        return Ok(None);
    };
    // A power cut may leave zeros in place of entries. Where zero is the time, reading says so too.
    let Some(newest) = times.last().filter(|newest| newest.timestamp > 0) else { return Ok(None) };
    let offsets =
        IndexView::<OffsetEntry>::closed(directory, base_offset)?.unwrap_or_else(IndexView::none);
    if offsets.last().is_some_and(|last| last.position >= size_bytes) {
        return Ok(None);
    }
    Ok(Some(SegmentView {
        directory: Arc::clone(directory),
        base_offset,
        file: None,
        size_bytes,
        next_offset,
        newest,
        first_append_ms: Some(newest.timestamp),
        offsets,
        times,
        last_write: LastWrite { offset: next_offset, position: size_bytes },
        recent_offset: next_offset,
    }))
}
