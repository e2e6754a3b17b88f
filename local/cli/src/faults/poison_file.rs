//! The places of the poison that was written while a load ran: a line each, `topic partition
//! offset`, beside the load's outcomes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use load::RunId;

/// How such a file's name ends.
const EXTENSION: &str = "poison";

/// Where a record that cannot be processed was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// The places of a load's poison.
#[derive(Debug)]
pub struct PoisonFile;

impl PoisonFile {
    /// The path of a load's file in the folder of its outcomes.
    pub fn path(folder: &Path, run: RunId) -> PathBuf {
        folder.join(run.to_string()).with_extension(EXTENSION)
    }

    /// Reads a load's file; a load without poison has none. A last line that was not written to its
    /// end is passed over.
    pub fn read(folder: &Path, run: RunId) -> io::Result<Vec<Place>> {
        match fs::read_to_string(Self::path(folder, run)) {
            Ok(text) => Ok(text.split_inclusive('\n').filter_map(place).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// A place as a line.
pub(super) fn line(place: &Place) -> String {
    format!("{} {} {}\n", place.topic, place.partition, place.offset)
}

fn place(line: &str) -> Option<Place> {
    let mut words = line.strip_suffix('\n')?.split(' ');
    let place = Place {
        topic: words.next()?.to_owned(),
        partition: words.next()?.parse().ok()?,
        offset: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_back_and_a_torn_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let run: RunId = "cafe0123".parse().unwrap();
        assert_eq!(PoisonFile::read(folder.path(), run).unwrap(), []);
        let places =
            [3, 4].map(|offset| Place { topic: "events".to_owned(), partition: 1, offset });
        let text: String = places.iter().map(line).collect();
        fs::write(PoisonFile::path(folder.path(), run), text + "events 1 5").unwrap();
        assert_eq!(PoisonFile::read(folder.path(), run).unwrap(), places);
    }
}
