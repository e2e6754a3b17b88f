//! Faults as a person writes them: `drop`, `delay:200ms`, `answer:NOT_LEADER_OR_FOLLOWER`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kafka_protocol::error::ResponseError;

use crate::faults::Fault;

/// The last of Kafka's error codes that there is a name for.
const CODE_MAX: i16 = 200;

/// Longer, and a fault was not meant for a test.
const DELAY_MAX: Duration = Duration::from_hours(1);

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultTextError {
    /// None is written like this.
    #[error(
        "`{text}` is no fault; there are refuse, drop, delay:200ms, answer:NOT_LEADER_OR_FOLLOWER, \
         lose-answer and pause"
    )]
    Unknown {
        /// What was written.
        text: String,
    },
    /// No time, or one over an hour.
    #[error("`{text}` is no delay up to an hour; write it as `200ms` or `5s`")]
    Delay {
        /// What was written.
        text: String,
    },
    /// No error of Kafka's.
    #[error("`{text}` is no error of Kafka's protocol; write its name or its number")]
    Code {
        /// What was written.
        text: String,
    },
}

impl FromStr for Fault {
    type Err = FaultTextError;

    fn from_str(text: &str) -> Result<Self, FaultTextError> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("refuse", "") => Ok(Self::Refuse),
            ("drop", "") => Ok(Self::Drop),
            ("lose-answer", "") => Ok(Self::LoseAnswer),
            ("pause", "") => Ok(Self::Pause),
            ("delay", time) => delay(time)
                .map(Self::Delay)
                .ok_or_else(|| FaultTextError::Delay { text: time.to_owned() }),
            ("answer", error) => code(error)
                .map(Self::Answer)
                .ok_or_else(|| FaultTextError::Code { text: error.to_owned() }),
            _ => Err(FaultTextError::Unknown { text: text.to_owned() }),
        }
    }
}

/// Written as [`Fault::from_str`] reads it.
impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => formatter.write_str("refuse"),
            Self::Drop => formatter.write_str("drop"),
            Self::LoseAnswer => formatter.write_str("lose-answer"),
            Self::Pause => formatter.write_str("pause"),
            Self::Delay(by) => write!(formatter, "delay:{}ms", by.as_millis()),
            Self::Answer(code) => match ResponseError::try_from_code(*code) {
                Some(ResponseError::Unknown(_)) | None => write!(formatter, "answer:{code}"),
                Some(error) => write!(formatter, "answer:{}", in_kafkas_words(error)),
            },
        }
    }
}

fn delay(text: &str) -> Option<Duration> {
    let time = match text.strip_suffix("ms") {
        Some(number) => Duration::from_millis(number.parse().ok()?),
        None => Duration::from_secs(text.strip_suffix('s')?.parse().ok()?),
    };
    Some(time).filter(|time| *time <= DELAY_MAX)
}

fn code(text: &str) -> Option<i16> {
    if let Ok(code) = text.parse() {
        return Some(code).filter(|code| *code != 0);
    }
    let mut codes = (-1..=CODE_MAX).filter_map(ResponseError::try_from_code);
    let named = codes.find(|error| in_kafkas_words(*error).eq_ignore_ascii_case(text));
    named.map(|error| error.code())
}

/// `NotLeaderOrFollower` as `NOT_LEADER_OR_FOLLOWER`.
fn in_kafkas_words(error: ResponseError) -> String {
    let mut words = String::new();
    for letter in format!("{error:?}").chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_written() {
        let faults = [
            Fault::Refuse,
            Fault::Drop,
            Fault::LoseAnswer,
            Fault::Pause,
            Fault::Delay(Duration::from_millis(200)),
            Fault::Answer(ResponseError::NotLeaderOrFollower.code()),
            Fault::Answer(1_000),
        ];
        for fault in faults {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        assert_eq!("answer:not_leader_or_follower".parse(), Ok(Fault::Answer(6)));
        assert_eq!("delay:5s".parse(), Ok(Fault::Delay(Duration::from_secs(5))));
    }

    #[test]
    fn what_is_no_fault_is_refused_with_what_is() {
        for text in ["", "dorp", "drop:5s", "refuse:x"] {
            let refused = Fault::from_str(text);
            assert_eq!(refused, Err(FaultTextError::Unknown { text: text.to_owned() }));
        }
        for text in ["delay:", "delay:5", "delay:2h", "delay:9999999s"] {
            assert!(matches!(Fault::from_str(text), Err(FaultTextError::Delay { .. })), "{text}");
        }
        for text in ["answer:", "answer:0", "answer:NO_SUCH"] {
            assert!(matches!(Fault::from_str(text), Err(FaultTextError::Code { .. })), "{text}");
        }
    }
}
