//! How the last invocation ended: what AWS tells as a mapping's `LastProcessingResult`.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html>

use std::time::Duration;

use crate::mapping::{Ending, Mapping};

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processing {
    /// The function processed the whole batch.
    Succeeded,
    /// The function failed, in part or as a whole, or was not reached.
    Failed,
    /// Too many invocations were under way.
    Throttled,
    /// There is no such function.
    NoFunction,
}

/// What came of the last invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Processed {
    /// When it ended, epoch milliseconds.
    pub(crate) at_ms: i64,
    pub(crate) processing: Processing,
}

impl Processing {
    /// What an ending says by itself; an answer may yet name records that failed.
    pub(super) fn of(ending: &Ending) -> Self {
        match ending {
            Ending::Succeeded(_) => Self::Succeeded,
            Ending::Failed(_) | Ending::NotInvoked(_) => Self::Failed,
            Ending::Throttled => Self::Throttled,
            Ending::NoFunction(_) => Self::NoFunction,
        }
    }

    /// AWS's words for it; those of a throttle and of a missing function are ours.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Succeeded => "OK",
            Self::Failed => "PROBLEM: Function call failed",
            Self::Throttled => "PROBLEM: Function call throttled",
            Self::NoFunction => "PROBLEM: Function does not exist",
        }
    }

    /// The code that it gives the mapping's state as a reason, where it does.
    pub(crate) fn state_reason(self) -> Option<&'static str> {
        (self == Self::NoFunction).then_some("FUNCTION_CONFIG_NOT_VALID")
    }
}

impl Mapping {
    /// What came of the last invocation; `None` before the first one has ended.
    pub(crate) fn processed(&self) -> Option<Processed> {
        self.processed
    }

    pub(super) fn note(&mut self, now: Duration, processing: Processing) {
        self.processed = Some(Processed { at_ms: self.now_ms(now), processing });
    }
}
