//! How many environments of a function may run.

use template::Function;

/// Environments of one invocation at a time, of one function.
const ALONE: u32 = 10;

/// The most environments of one function, unless the template allows fewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environments {
    /// Where each takes one invocation at a time.
    alone: u32,
    /// Where each takes several. On AWS such an environment has a processor for itself; here more of them
    /// than there are processors would take turns, and each find less work that can be done together.
    shared: u32,
}

impl Environments {
    /// As a person has `chosen`, or for so many processors.
    pub(crate) fn new(chosen: Option<u32>, processors: u32) -> Self {
        Self { alone: chosen.unwrap_or(ALONE), shared: chosen.unwrap_or(processors) }
    }

    /// The most of this function.
    pub(super) fn of(self, function: &Function) -> u32 {
        let here = if function.environment_concurrency == 1 { self.alone } else { self.shared };
        let allowed = [function.reserved_concurrency, function.environments_max];
        allowed.into_iter().flatten().fold(here, u32::min)
    }
}
