//! The identifiers that travel between the parts of the host.

use std::fmt::{self, Write as _};

use http::HeaderValue;
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

/// A whole trace header has this many.
const TRACE_HEADER_BYTES: usize = 80;

/// The trace header that a function gets, `Root=1-<8 hex of seconds>-<24 hex>;Parent=<16 hex>;Sampled=0`:
/// of the caller's trace where `given` names one. What is missing is made up.
///
/// Source: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
pub(crate) fn trace_header(given: Option<&str>, epoch_s: i64) -> HeaderValue {
    let part = |name: &str| {
        let parts = given.unwrap_or_default().split(';').map(str::trim);
        parts.filter_map(|part| part.strip_prefix(name)).find(|value| is_token(value))
    };
    let (seconds, random) = (epoch_s & 0xffff_ffff, fastrand::u128(..) >> 32);
    let mut header = String::with_capacity(TRACE_HEADER_BYTES);
    let written = match part("Root=") {
        Some(root) => write!(header, "Root={root}"),
        None => write!(header, "Root=1-{seconds:08x}-{random:024x}"),
    };
    let written = written.and_then(|()| match part("Parent=") {
        Some(parent) => write!(header, ";Parent={parent}"),
        None => write!(header, ";Parent={:016x}", fastrand::u64(..)),
    });
    let sampled = part("Sampled=").unwrap_or("0");
    let written = written.and_then(|()| write!(header, ";Sampled={sampled}"));
    written.expect("a string takes everything");
    header.try_into().expect("its parts are letters, digits and hyphens")
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_on_and_lacks_nothing() {
        let header = |given| trace_header(given, 0x5e9f_0c65).to_str().unwrap().to_owned();
        let whole = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Parent=53995c3f42cd8ad8;Sampled=1";
        assert_eq!(header(Some(whole)), whole);
        let root = header(Some("Self=1-0-0;Root=1-5-a"));
        assert!(root.starts_with("Root=1-5-a;Parent="), "{root}");
        assert_eq!(root.len(), "Root=1-5-a;Parent=53995c3f42cd8ad8;Sampled=0".len());
        for nothing in [None, Some(""), Some("Root=\u{e4}")] {
            let new = header(nothing);
            assert!(new.starts_with("Root=1-5e9f0c65-"), "{new}");
            assert_eq!(new.len(), whole.len());
            assert!(new.ends_with(";Sampled=0"), "{new}");
        }
    }
}
