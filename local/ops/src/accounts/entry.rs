//! Everything known about one id, in one byte.

use load::Outcome;

use super::Found;

/// An id's outcome, and how often it was found: counted up to three, which is as wrong as a
/// thousand.
///
/// Two bits each from the lowest: outcome, processed, failed; then one for dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry(u8);

const COUNT_MAX: u8 = 0b11;
const PROCESSED: u8 = 2;
const FAILED: u8 = 4;
const DEAD: u8 = 0b0100_0000;

const OUTCOMES: [Outcome; 4] =
    [Outcome::NotSent, Outcome::Accepted, Outcome::Refused, Outcome::Ambiguous];

impl Entry {
    pub(super) fn new(outcome: Outcome) -> Self {
        Self(match outcome {
            Outcome::NotSent => 0,
            Outcome::Accepted => 1,
            Outcome::Refused => 2,
            Outcome::Ambiguous => 3,
        })
    }

    pub(super) fn book(&mut self, found: Found) {
        match found {
            Found::Processed => self.raise(PROCESSED),
            Found::Failed => self.raise(FAILED),
            Found::Dead => self.0 |= DEAD,
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        OUTCOMES[usize::from(self.0 & COUNT_MAX)]
    }

    pub(super) fn processed(self) -> u8 {
        self.count(PROCESSED)
    }

    pub(super) fn failed(self) -> u8 {
        self.count(FAILED)
    }

    pub(super) fn is_dead(self) -> bool {
        self.0 & DEAD != 0
    }

    fn count(self, shift: u8) -> u8 {
        self.0 >> shift & COUNT_MAX
    }

    fn raise(&mut self, shift: u8) {
        if self.count(shift) < COUNT_MAX {
            self.0 += 1 << shift;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_takes_one_byte() {
        assert_eq!(size_of::<Entry>(), 1);
    }

    #[test]
    fn counts_stop_at_three_and_disturb_nothing() {
        for outcome in OUTCOMES {
            let mut entry = Entry::new(outcome);
            for _ in 0..1_000 {
                entry.book(Found::Processed);
            }
            assert_eq!((entry.processed(), entry.failed(), entry.is_dead()), (3, 0, false));
            entry.book(Found::Failed);
            entry.book(Found::Dead);
            entry.book(Found::Dead);
            assert_eq!((entry.processed(), entry.failed(), entry.is_dead()), (3, 1, true));
            assert_eq!(entry.outcome(), outcome);
        }
    }
}
