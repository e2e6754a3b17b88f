//! How many, how long: every bound of the pool, with its reason.

use std::time::Duration;

use crate::pool::InitPhase;

/// At most this many invocations wait; more are throttled. AWS keeps no queue at all and throttles
/// at the concurrency limit; a laptop has fewer processes and should not refuse what it can do a
/// moment later.
pub(super) const WAITING_MAX: usize = 10_000;

/// The payloads of waiting invocations may have this many bytes together. 10,000 of a few KB are
/// tens of MB; 10,000 of the largest would be 60 GB.
pub(super) const WAITING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// An invocation waits at most this long before it is throttled: what the AWS SDKs wait for an
/// answer before they give up.
pub(super) const WAIT_MAX: Duration = Duration::from_mins(1);

/// An environment has this long from its start to its first `/next`.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const INIT_MAX: Duration = Duration::from_secs(10);

/// The same on Managed Instances, for functions with shorter timeouts; a longer timeout counts up to
/// [`MANAGED_TIMEOUT_MAX`].
const MANAGED_INIT_MAX: Duration = Duration::from_secs(130);
const MANAGED_TIMEOUT_MAX: Duration = Duration::from_mins(15);

/// An environment without work ends after this long. AWS promises no figure; 5 to 7 minutes are
/// what people observe.
pub(super) const IDLE_MAX: Duration = Duration::from_mins(5);

/// A runtime that answered, or became ready, asks for more within this time; until then its slots
/// count as free, so that the moment between answer and `/next` starts no further environment.
pub(super) const SETTLE_MAX: Duration = Duration::from_millis(100);

/// After a failed init nothing starts for this long, then twice as long, up to [`BACKOFF_MAX`].
pub(super) const BACKOFF_MIN: Duration = Duration::from_millis(250);

/// The longest pause between failed inits: a fixed function should answer soon, and a broken one
/// should not keep a core busy.
pub(super) const BACKOFF_MAX: Duration = Duration::from_secs(8);

/// At shutdown, what is under way may take this long to finish.
pub(super) const DRAIN_MAX: Duration = Duration::from_secs(2);

/// What a function's settings allow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// At most this many processes.
    pub(crate) environments_max: u32,
    /// At most this many invocations at a time in each, at least 1.
    pub(crate) environment_concurrency: u32,
    /// At most this many invocations under way or waiting, where some are reserved for the function.
    pub(crate) concurrency_max: Option<u32>,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
}

impl Limits {
    /// How long an environment has from its start to its first `/next`.
    pub(super) fn init_max(&self, phase: InitPhase) -> Duration {
        if self.is_managed() {
            return self.timeout.min(MANAGED_TIMEOUT_MAX).max(MANAGED_INIT_MAX);
        }
        match phase {
            InitPhase::Init => INIT_MAX,
            InitPhase::Invoke => self.timeout,
        }
    }

    /// Whether it is what AWS calls Managed Instances.
    pub(super) fn is_managed(&self) -> bool {
        self.environment_concurrency > 1
    }
}
