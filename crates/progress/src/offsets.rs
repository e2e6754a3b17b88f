//! A set of offsets as ranges: what a chunk covers, exactly, also where a partition has holes.

use std::{fmt, ops::RangeInclusive, str::FromStr};

/// Offsets in order, kept and written as ranges: `0-99,105,107-108`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// Sorted, disjoint, and with a hole between any two.
    ranges: Vec<RangeInclusive<i64>>,
}

impl Offsets {
    /// How many offsets there are.
    pub fn len(&self) -> usize {
        self.ranges.iter().map(length).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest offset.
    pub fn first(&self) -> Option<i64> {
        self.ranges.first().map(|range| *range.start())
    }

    /// The highest offset.
    pub fn last(&self) -> Option<i64> {
        self.ranges.last().map(|range| *range.end())
    }

    /// Whether the offset is in the set.
    pub fn contains(&self, offset: i64) -> bool {
        self.rank(offset).is_some()
    }

    /// How many offsets of the set lie before this one; `None` when it is not in the set.
    pub fn rank(&self, offset: i64) -> Option<usize> {
        let at = self.ranges.partition_point(|range| *range.end() < offset);
        let range = self.ranges.get(at).filter(|range| range.contains(&offset))?;
        let before: usize = self.ranges[..at].iter().map(length).sum();
        Some(before + length(&(*range.start()..=offset)) - 1)
    }

    /// The offsets in order.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        self.ranges.iter().cloned().flatten()
    }
}

impl FromIterator<i64> for Offsets {
    /// Takes offsets in ascending order.
    fn from_iter<I: IntoIterator<Item = i64>>(offsets: I) -> Self {
        let mut ranges: Vec<RangeInclusive<i64>> = Vec::new();
        for offset in offsets {
            match ranges.last_mut() {
                Some(last) if *last.end() + 1 == offset => *last = *last.start()..=offset,
                _ => ranges.push(offset..=offset),
            }
        }
        debug_assert!(ranges.is_sorted_by(|a, b| a.end() < b.start()), "offsets in order");
        Self { ranges }
    }
}

fn length(range: &RangeInclusive<i64>) -> usize {
    usize::try_from(range.end() - range.start() + 1).expect("a range is never empty")
}

impl fmt::Display for Offsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (start, end) if start == end => write!(f, "{comma}{start}")?,
                (start, end) => write!(f, "{comma}{start}-{end}")?,
            }
        }
        Ok(())
    }
}

/// A text that [`Offsets`] does not write.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a list of offset ranges")]
pub struct OffsetsError(String);

impl FromStr for Offsets {
    type Err = OffsetsError;

    fn from_str(text: &str) -> Result<Self, OffsetsError> {
        let wrong = || OffsetsError(text.to_owned());
        let mut ranges: Vec<RangeInclusive<i64>> = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (start, end) = part.split_once('-').unwrap_or((part, part));
            let (Ok(start), Ok(end)) = (start.parse(), end.parse()) else { return Err(wrong()) };
            let after = ranges.last().map_or(-1, |last| *last.end());
            if start <= after || end < start {
                return Err(wrong());
            }
            ranges.push(start..=end);
        }
        Ok(Self { ranges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_set, prelude::*};

    proptest! {
        #[test]
        fn is_the_set_it_was_made_from(set in btree_set(0..200_i64, 0..60)) {
            let offsets: Offsets = set.iter().copied().collect();
            let again: Offsets = offsets.to_string().parse().unwrap();
            prop_assert_eq!(&again, &offsets);
            prop_assert_eq!(offsets.len(), set.len());
            prop_assert_eq!(offsets.iter().collect::<Vec<_>>(), set.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!((offsets.first(), offsets.last()), (set.first().copied(), set.last().copied()));
            for offset in -1..201 {
                let rank = set.iter().position(|member| *member == offset);
                prop_assert_eq!(offsets.rank(offset), rank);
            }
        }
    }

    #[test]
    fn writes_ranges_and_singles() {
        let offsets: Offsets = [0, 1, 2, 7, 9, 10].into_iter().collect();
        assert_eq!(offsets.to_string(), "0-2,7,9-10");
    }

    #[test]
    fn refuses_text_that_is_no_list_of_ranges() {
        for text in ["a", "2-1", "1,1", "5-6,2", "1--2"] {
            assert!(text.parse::<Offsets>().is_err(), "{text}");
        }
    }
}
