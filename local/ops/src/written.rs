//! Which events a file of `--append` has already, so that appending to it twice repeats nothing.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use event::Coordinates;

/// Places, kept as ranges of offsets: events of a partition mostly follow one another.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// By partition, the first offset of each range with its last.
    partitions: BTreeMap<i32, BTreeMap<i64, i64>>,
}

impl Written {
    /// Reads lines of time and id. `place` tells where an id's event is; a line without such an id
    /// is not ours, or was not written to its end.
    pub(crate) fn read(
        mut lines: impl BufRead,
        place: impl Fn(&str) -> Option<Coordinates>,
    ) -> io::Result<Self> {
        let mut written = Self::default();
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(&line);
            let whole = text.strip_suffix('\n');
            let id = whole.and_then(|text| text.split(' ').nth(1));
            if let Some(place) = id.and_then(&place) {
                written.add(place);
            }
            line.clear();
        }
        Ok(written)
    }

    fn add(&mut self, place: Coordinates) {
        let ranges = self.partitions.entry(place.partition()).or_default();
        let (mut first, mut last) = (place.offset(), place.offset());
        if let Some((before, end)) = ranges.range(..=first).next_back()
            && *end >= first - 1
        {
            (first, last) = (*before, last.max(*end));
        }
        if let Some(end) = ranges.remove(&(last + 1)) {
            last = end;
        }
        ranges.insert(first, last);
    }

    /// Whether the event at this place is there.
    pub(crate) fn has(&self, partition: i32, offset: i64) -> bool {
        let ranges = self.partitions.get(&partition);
        let at_or_below = ranges.and_then(|ranges| ranges.range(..=offset).next_back());
        at_or_below.is_some_and(|(_, last)| offset <= *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids here are `partition/offset`.
    fn read(text: &str) -> Written {
        let place = |id: &str| {
            let (partition, offset) = id.split_once('/')?;
            Coordinates::new(partition.parse().ok()?, offset.parse().ok()?).ok()
        };
        Written::read(text.as_bytes(), place).unwrap()
    }

    #[test]
    fn what_was_written_is_there_in_whatever_order() {
        let written = read("t 0/5 processed\nt 0/7 failed: x\nt 0/6 processed\nt 1/0 skipped\n");
        let there: Vec<_> = (0..10).filter(|offset| written.has(0, *offset)).collect();
        assert_eq!(there, [5, 6, 7]);
        assert!(written.has(1, 0) && !written.has(1, 1) && !written.has(2, 0));
        assert_eq!(written.partitions[&0], BTreeMap::from([(5, 7)]), "one range");
    }

    #[test]
    fn a_repeated_line_changes_nothing() {
        let written = read("t 0/5 processed\nt 0/6 processed\nt 0/5 processed\n");
        assert_eq!(written.partitions[&0], BTreeMap::from([(5, 6)]));
    }

    #[test]
    fn what_is_not_ours_or_was_cut_off_is_passed_over() {
        let written = read("# notes\n\nt 0/1 processed\nt 0/2 processed\r\nt 0/3 proc");
        let there: Vec<_> = (0..10).filter(|offset| written.has(0, *offset)).collect();
        assert_eq!(there, [1, 2]);
    }
}
