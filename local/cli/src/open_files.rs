//! How many files this process may have open: connections are files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Thousands of connections, and the files of topics beside them. Many systems allow 1,024 unless
/// asked for more, and macOS no more than this for a process.
const WANTED: u64 = 10_240;

/// Asks for as many as are wanted, as far as the system lets it.
pub(crate) fn allow() {
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    if limit.current.is_some_and(|current| current < allowed) {
        let wanted = Rlimit { current: Some(allowed), ..limit };
        if let Err(error) = setrlimit(Resource::Nofile, wanted) {
            tracing::warn!(%error, "connections beyond a thousand or so may not be accepted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_raised_and_never_lowered() {
        let before = getrlimit(Resource::Nofile);
        allow();
        let after = getrlimit(Resource::Nofile);
        assert_eq!(after.maximum, before.maximum);
        let wanted = before.maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
        assert!(after.current.is_none_or(|current| current >= wanted));
        assert!(after.current >= before.current || after.current.is_none());
    }
}
