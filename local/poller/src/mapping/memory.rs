//! What Kafka remembers of records that are being tried: the metadata of the offset commit.
//!
//! `m1 SINCE DUE END COUNT*RANGES …`: since when they are tried and when they are due (epoch
//! milliseconds), where the batch ends, then each piece with how often it was tried. Offsets count
//! from the committed one: `3*0-49,51` are it and the 49 after it, and the one 51 after it, tried
//! three times. What lies before the end and in no piece is done.
//!
//! Kafka takes 4,096 characters (`offset.metadata.max.bytes`). What is longer keeps the count and
//! the whole range: records in between that were done already then come again.

use std::fmt::Write as _;

/// Kafka's default of `offset.metadata.max.bytes`.
const CHARACTERS_MAX: usize = 4_096;

/// What is remembered of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// When the first attempt was made, epoch milliseconds.
    pub(crate) since_ms: i64,
    /// When the next attempt is due, epoch milliseconds.
    pub(crate) due_ms: i64,
    /// The offset after the batch; before it, what is in no piece is done.
    pub(crate) end: i64,
    /// What is to be tried together, in order.
    pub(crate) pieces: Vec<Remembered>,
}

/// A piece of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// Offsets from and to, both included.
    pub(crate) ranges: Vec<(i64, i64)>,
    /// How often it was tried; an attempt under way counts.
    pub(crate) attempts: u32,
}

impl Remembered {
    pub(crate) fn holds(&self, offset: i64) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&offset))
    }

    fn whole(&self) -> Self {
        let first = self.ranges.iter().map(|range| range.0).min().unwrap_or_default();
        let last = self.ranges.iter().map(|range| range.1).max().unwrap_or_default();
        Self { ranges: vec![(first, last)], attempts: self.attempts }
    }
}

impl Memory {
    /// The text to commit with the offset `next`.
    pub(crate) fn encode(&self, next: i64) -> String {
        let text = self.write(next);
        if text.len() <= CHARACTERS_MAX {
            return text;
        }
        // The piece that is tried next keeps what can be kept; the others become one.
        let Some((head, rest)) = self.pieces.split_first() else { return text };
        let attempts = rest.iter().map(|piece| piece.attempts).max();
        let rest = attempts.map(|attempts| {
            let ranges = rest.iter().flat_map(|piece| piece.ranges.clone()).collect();
            Remembered { ranges, attempts }.whole()
        });
        for head in [head.clone(), head.whole()] {
            let pieces = std::iter::once(head).chain(rest.clone()).collect();
            let text = Self { pieces, ..*self }.write(next);
            if text.len() <= CHARACTERS_MAX {
                return text;
            }
        }
        String::new()
    }

    /// Reads what was committed with the offset `next`; `None` for what others wrote there.
    pub(crate) fn decode(text: &str, next: i64) -> Option<Self> {
        let mut words = text.strip_prefix("m1 ")?.split(' ');
        let since_ms = words.next()?.parse().ok()?;
        let due_ms = words.next()?.parse().ok()?;
        let end = next.checked_add(words.next()?.parse().ok()?)?;
        let pieces = words.map(|word| piece(word, next)).collect::<Option<Vec<_>>>()?;
        let last = pieces.iter().flat_map(|piece| &piece.ranges).map(|range| range.1).max()?;
        (last < end).then_some(Self { since_ms, due_ms, end, pieces })
    }

    fn write(&self, next: i64) -> String {
        let mut text = format!("m1 {} {} {}", self.since_ms, self.due_ms, self.end - next);
        for piece in &self.pieces {
            write!(text, " {}*", piece.attempts).expect("writing into a string cannot fail");
            for (index, (first, last)) in piece.ranges.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                let (first, last) = (first - next, last - next);
                let written = if first == last {
                    write!(text, "{comma}{first}")
                } else {
                    write!(text, "{comma}{first}-{last}")
                };
                written.expect("writing into a string cannot fail");
            }
        }
        text
    }
}

fn piece(word: &str, next: i64) -> Option<Remembered> {
    let (attempts, ranges) = word.split_once('*')?;
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last): (i64, i64) = (first.parse().ok()?, last.parse().ok()?);
        let fits = next.checked_add(last).is_some();
        (fits && (0..=last).contains(&first)).then(|| (next + first, next + last))
    };
    let ranges = ranges.split(',').map(range).collect::<Option<Vec<_>>>()?;
    Some(Remembered { ranges, attempts: attempts.parse().ok()? })
}

/// Offsets in order, as ranges.
pub(crate) fn ranges(offsets: impl Iterator<Item = i64>) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for offset in offsets {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == offset => *last = offset,
            _ => ranges.push((offset, offset)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(attempts: u32, ranges: &[(i64, i64)]) -> Remembered {
        Remembered { ranges: ranges.to_vec(), attempts }
    }

    fn memory(pieces: Vec<Remembered>) -> Memory {
        Memory { since_ms: 1_700_000_000_000, due_ms: 1_700_000_001_000, end: 30_000, pieces }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let memory = memory(vec![
            remembered(3, &[(100, 149), (151, 151)]),
            remembered(0, &[(152, 160), (170, 171)]),
        ]);
        let text = memory.encode(100);
        assert_eq!(text, "m1 1700000000000 1700000001000 29900 3*0-49,51 0*52-60,70-71");
        assert_eq!(Memory::decode(&text, 100), Some(memory));
    }

    #[test]
    fn what_others_wrote_is_not_ours() {
        let texts = ["", "m1 ", "m1 1 2 9", "m2 1 2 9 1*0", "m1 1 2 9 x*0", "m1 1 2 9 1*5-3"];
        for text in texts.into_iter().chain(["m1 1 2 9 1*-5", "m1 1 2 9 1*9", "m1 1 2 x 1*0"]) {
            assert_eq!(Memory::decode(text, 0), None, "{text}");
        }
    }

    #[test]
    fn too_many_holes_keep_the_range_and_the_count() {
        let holes = |from: i64| (0..5_000).map(|n| (from + 2 * n, from + 2 * n)).collect();
        let one = memory(vec![Remembered { ranges: holes(10), attempts: 4 }]);
        let text = one.encode(10);
        assert!(text.len() <= CHARACTERS_MAX);
        let expected = memory(vec![remembered(4, &[(10, 10_008)])]);
        assert_eq!(Memory::decode(&text, 10), Some(expected));
        let two = memory(vec![
            remembered(2, &[(1, 1), (3, 3)]),
            Remembered { ranges: holes(10), attempts: 1 },
            remembered(3, &[(20_000, 20_001)]),
        ]);
        let expected =
            memory(vec![remembered(2, &[(1, 1), (3, 3)]), remembered(3, &[(10, 20_001)])]);
        assert_eq!(Memory::decode(&two.encode(1), 1), Some(expected));
    }

    #[test]
    fn offsets_in_a_row_are_one_range() {
        assert_eq!(ranges([1, 2, 3, 5, 7, 8].into_iter()), [(1, 3), (5, 5), (7, 8)]);
    }
}
