//! The identifiers that travel between the parts of the host.

use std::fmt;

use uuid::Uuid;

/// Names one request of a caller; a retry keeps it. AWS's `RequestId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestId(pub(crate) Uuid);

impl RequestId {
    pub(crate) fn random() -> Self {
        // Not from the operating system: this is on the path of every invocation, and nothing
        // rests on these ids being hard to guess.
        let bytes = fastrand::u128(..).to_le_bytes();
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_hyphenated(), f)
    }
}

/// Names one attempt at a request, never used again: the `Lambda-Runtime-Invocation-Id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct InvocationId {
    pub(crate) request: RequestId,
    /// 0 for the first attempt.
    pub(crate) attempt: u8,
}

impl fmt::Display for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.request, self.attempt)
    }
}

/// Names one process of a function, counted from 1 and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EnvironmentId(pub(crate) u32);

/// A new trace header as X-Ray's: `Root=1-<8 hex of seconds>-<24 hex>;Parent=<16 hex>;Sampled=0`.
///
/// Source: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
pub(crate) fn random_trace_id(epoch_s: i64) -> String {
    let seconds = epoch_s & 0xffff_ffff;
    let (root, parent) = (fastrand::u128(..) >> 32, fastrand::u64(..));
    format!("Root=1-{seconds:08x}-{root:024x};Parent={parent:016x};Sampled=0")
}
