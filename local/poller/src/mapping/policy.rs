//! The retry policy: how often, how long and in which parts records are tried again.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>.

use std::time::Duration;

use crate::config::PartialReading;
use crate::mapping::BackOff;

/// What is done with records that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// How often records are invoked before they are given up, the first time included; `None`
    /// without end.
    pub(crate) attempts_max: Option<u32>,
    /// Older records are given up.
    pub(crate) age_max: Option<Duration>,
    /// `BisectBatchOnFunctionError`.
    pub(crate) bisect: bool,
    /// Whether an attempt after which a batch is split counts towards `attempts_max`.
    pub(crate) bisect_counts: bool,
    /// `ReportBatchItemFailures`: which records an answer asks to have tried again.
    pub(crate) partial: Option<PartialReading>,
    /// Whether records that are given up go to an on-failure destination.
    pub(crate) destination: bool,
    pub(crate) back_off: BackOff,
}

impl Policy {
    /// Whether records tried this often are not tried again.
    pub(crate) fn exhausted(&self, attempts: u32) -> bool {
        self.attempts_max.is_some_and(|max| attempts >= max)
    }

    /// Whether a record of `timestamp_ms` is too old at `now_ms`. Without a timestamp it is not.
    pub(crate) fn too_old(&self, timestamp_ms: i64, now_ms: i64) -> bool {
        let max_ms = self.age_max.map(|max| i64::try_from(max.as_millis()).unwrap_or(i64::MAX));
        max_ms.is_some_and(|max| timestamp_ms > 0 && now_ms.saturating_sub(timestamp_ms) > max)
    }

    /// Whether an attempt must be remembered in Kafka before it is made: only then a poller that
    /// dies in the middle leaves its count behind.
    pub(crate) fn remembers_first(&self) -> bool {
        self.attempts_max.is_some()
    }
}
