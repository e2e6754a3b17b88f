//! What became of a request, judged from its answer or from the way it failed.
//!
//! Pure. The rule behind all of it: whoever says "accepted" must have seen a 2xx, whoever says "not
//! sent" or "refused" must know that the request had no effect, and the rest is ambiguous.

use std::fmt;

use crate::answer::Answer;

/// A 503 with this text in its body means that the effect is unknown, whatever its headers say.
const UNKNOWN_MARK: &[u8] = b"outcome unknown";

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Nothing was written to a connection: no effect.
    NotSent,
    /// Answered with 2xx: exactly one effect.
    Accepted,
    /// Answered with a refusal: no effect.
    Refused,
    /// The answer was lost or says nothing: no effect or one.
    Ambiguous,
}

impl Outcome {
    /// Its byte in an outcome file.
    pub const fn byte(self) -> u8 {
        match self {
            Self::NotSent => b'.',
            Self::Accepted => b'a',
            Self::Refused => b'r',
            Self::Ambiguous => b'?',
        }
    }

    /// The outcome of a byte in an outcome file.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'.' => Some(Self::NotSent),
            b'a' => Some(Self::Accepted),
            b'r' => Some(Self::Refused),
            b'?' => Some(Self::Ambiguous),
            _ => None,
        }
    }
}

/// Why a request was not accepted; ordered and shown in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// No connection could be made.
    NotConnected,
    /// The connection ended before the answer was complete.
    ConnectionLost,
    /// No answer came in time.
    TimedOut,
    /// What was answered is not HTTP.
    NotHttp,
    /// The run was cancelled and did not wait for the answer.
    Abandoned,
    /// It was due, and every connection was taken until the run gave up.
    NeverItsTurn,
    /// The answer was not a 2xx.
    Status(u16),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => formatter.write_str("not connected"),
            Self::ConnectionLost => formatter.write_str("connection lost"),
            Self::TimedOut => formatter.write_str("timed out"),
            Self::NotHttp => formatter.write_str("answer is not HTTP"),
            Self::Abandoned => formatter.write_str("abandoned"),
            Self::NeverItsTurn => formatter.write_str("never its turn"),
            Self::Status(status) => write!(formatter, "status {status}"),
        }
    }
}

/// An outcome and, unless the request was accepted, its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) fault: Option<Fault>,
}

impl Verdict {
    /// Of a request of which nothing was written.
    pub(crate) fn not_sent(fault: Fault) -> Self {
        Self { outcome: Outcome::NotSent, fault: Some(fault) }
    }

    /// Of a request that was written and never answered in full.
    pub(crate) fn ambiguous(fault: Fault) -> Self {
        Self { outcome: Outcome::Ambiguous, fault: Some(fault) }
    }

    /// Of an answer. A 3xx had no effect: nobody follows it. A 503 had none where it asks to be tried
    /// again (`Retry-After`); without that it may be a gateway that gave up waiting for a function
    /// which goes on.
    pub(crate) fn of_answer(answer: &Answer) -> Self {
        let unknown =
            || answer.body.windows(UNKNOWN_MARK.len()).any(|window| window == UNKNOWN_MARK);
        let outcome = match answer.status {
            200..=299 => return Self { outcome: Outcome::Accepted, fault: None },
            300..=499 => Outcome::Refused,
            503 if answer.retry_after && !unknown() => Outcome::Refused,
            _ => Outcome::Ambiguous,
        };
        Self { outcome, fault: Some(Fault::Status(answer.status)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, outcome: Outcome) {
        check_with(status, false, body, outcome);
    }

    #[track_caller]
    fn check_with(status: u16, retry_after: bool, body: &str, outcome: Outcome) {
        let verdict = Verdict::of_answer(&Answer {
            status,
            retry_after,
            keep_alive: true,
            body: body.into(),
        });
        assert_eq!(verdict.outcome, outcome);
        let fault = (outcome != Outcome::Accepted).then_some(Fault::Status(status));
        assert_eq!(verdict.fault, fault);
    }

    #[test]
    fn judges_answers_by_what_they_say_about_the_effect() {
        check(200, "", Outcome::Accepted);
        check(202, "outcome unknown", Outcome::Accepted);
        check(307, "", Outcome::Refused);
        check(400, "", Outcome::Refused);
        check(429, "", Outcome::Refused);
        check(500, "", Outcome::Ambiguous);
        check(502, "", Outcome::Ambiguous);
        check_with(503, true, "", Outcome::Refused);
        check_with(503, true, r#"{"message":"outcome unknown"}"#, Outcome::Ambiguous);
        check(504, "", Outcome::Ambiguous);
    }

    #[test]
    fn a_gateway_that_gave_up_waiting_has_refused_nothing() {
        check(503, r#"{"message":"Service Unavailable"}"#, Outcome::Ambiguous);
    }

    #[test]
    fn bytes_read_back() {
        for outcome in [Outcome::NotSent, Outcome::Accepted, Outcome::Refused, Outcome::Ambiguous] {
            assert_eq!(Outcome::from_byte(outcome.byte()), Some(outcome));
        }
        assert_eq!(Outcome::from_byte(b'x'), None);
    }
}
