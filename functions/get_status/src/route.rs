//! Which question a path asks. Ignores what stands before: a named stage is part of the path.

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// What became of this event?
    Event(&'a str),
    /// How is the system?
    System,
    /// Is the process up?
    Health,
}

/// The question a path asks, `None` when it asks none.
pub(crate) fn route(path: &str) -> Option<Route<'_>> {
    let mut segments = path.trim_end_matches('/').rsplit('/');
    match (segments.next()?, segments.next()) {
        (event_id, Some("get_status")) => Some(Route::Event(event_id)),
        ("get_status", Some(_)) => Some(Route::System),
        ("health", Some(_)) => Some(Route::Health),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<Route<'_>>) {
        assert_eq!(route(path), expected, "{path}");
    }

    #[test]
    fn paths_are_questions() {
        check("/get_status/abc", Some(Route::Event("abc")));
        check("/get_status/abc/", Some(Route::Event("abc")));
        check("/get_status/health", Some(Route::Event("health")));
        check("/get_status/get_status", Some(Route::Event("get_status")));
        check("/get_status", Some(Route::System));
        check("/get_status/", Some(Route::System));
        check("/health", Some(Route::Health));
        check("/prod/get_status/abc", Some(Route::Event("abc")));
        check("/prod/health", Some(Route::Health));
    }

    #[test]
    fn other_paths_ask_nothing() {
        for path in ["", "/", "/abc", "/get_status/abc/def", "get_status", "/register_event"] {
            check(path, None);
        }
    }
}
