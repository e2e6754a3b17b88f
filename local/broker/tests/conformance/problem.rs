//! An answer that is not as the script or a case says.

use std::fmt::{Display, Formatter, Result};

/// What both answered.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Who asked what.
    pub(crate) asked: String,
    pub(crate) real: String,
    pub(crate) ours: String,
    /// Said behind the answers.
    pub(crate) note: String,
}

impl Problem {
    /// Whether both answers have the same parts in another order: no client relies on the order of partitions, groups
    /// and topics, and Kafka's changes with its version.
    pub(crate) fn is_order(&self) -> bool {
        let parts = |text: &str| {
            let mut parts: Vec<String> = text.split(", ").map(bare).collect();
            parts.sort_unstable();
            parts
        };
        self.real != self.ours && parts(&self.real) == parts(&self.ours)
    }
}

/// A part without the brackets that it happens to stand beside.
fn bare(part: &str) -> String {
    part.split(['[', '{']).next_back().unwrap_or(part).trim_end_matches([']', '}', ' ']).to_owned()
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { asked, real, ours, note } = self;
        write!(f, "{asked}\n-- real Kafka\n{real}\n-- this broker\n{ours}{note}")
    }
}
