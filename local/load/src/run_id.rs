//! The id of a run: eight hexadecimal digits, enough to tell the runs in one archive apart.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A run's id.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(u32);

/// A text that is no run id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not eight lower-case hexadecimal digits")]
pub struct RunIdError {
    text: String,
}

impl RunId {
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// A new id.
    pub fn random() -> Self {
        Self(fastrand::u32(..))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match u32::from_str_radix(text, 16) {
            Ok(id) if digits && text.len() == 8 => Ok(Self(id)),
            Ok(_) | Err(_) => Err(RunIdError { text: text.to_owned() }),
        }
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.to_string()
    }
}

impl TryFrom<String> for RunId {
    type Error = RunIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_eight_digits_and_reads_back() {
        assert_eq!(RunId(0xab).to_string(), "000000ab");
        assert_eq!("000000ab".parse(), Ok(RunId(0xab)));
        for text in ["ab", "+00000ab", "000000AB", "000000abc", "0000 0ab", ""] {
            assert_eq!(text.parse::<RunId>(), Err(RunIdError { text: text.to_owned() }));
        }
    }
}
