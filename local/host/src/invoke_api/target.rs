//! Which function a request's path and query name, in any of the ways AWS accepts.

use percent_encoding::percent_decode_str;

/// The only version there is here.
pub(super) const LATEST: &str = "$LATEST";

/// A function and, where given, its qualifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    qualifier: Option<String>,
}

impl Target {
    /// `None` when the path is not an invocation's.
    pub(super) fn parse(path: &str, query: Option<&str>) -> Option<Self> {
        let encoded = path.strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations")?;
        let function = percent_decode_str(encoded).decode_utf8().ok()?;
        let (name, qualifier) = split(&function);
        let in_query = query.unwrap_or_default().split('&').find_map(|parameter| {
            let value = parameter.strip_prefix("Qualifier=")?;
            percent_decode_str(value).decode_utf8().ok()
        });
        let qualifier = in_query.as_deref().or(qualifier).filter(|qualifier| !qualifier.is_empty());
        Some(Self { name: name.to_owned(), qualifier: qualifier.map(str::to_owned) })
    }

    pub(super) fn is_latest(&self) -> bool {
        self.qualifier.as_deref().is_none_or(|qualifier| qualifier == LATEST)
    }

    /// `name`, or `name:qualifier`.
    pub(super) fn qualified_name(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.name),
            None => self.name.clone(),
        }
    }
}

/// `name`, `name:qualifier`, `account:function:name[:qualifier]` or a whole ARN.
fn split(function: &str) -> (&str, Option<&str>) {
    let rest = match function.split_once(":function:") {
        Some((_, rest)) => rest,
        None => function,
    };
    match rest.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (rest, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path_and_query: &str, expected: Option<&str>) {
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        let target = Target::parse(path, query);
        assert_eq!(target.map(|target| target.qualified_name()).as_deref(), expected);
    }

    #[test]
    fn a_function_is_named_in_every_way_aws_accepts() {
        check("/2015-03-31/functions/f/invocations", Some("f"));
        check("/2015-03-31/functions/f:$LATEST/invocations", Some("f:$LATEST"));
        check("/2015-03-31/functions/f/invocations?Qualifier=%24LATEST", Some("f:$LATEST"));
        check("/2015-03-31/functions/000000000000:function:f/invocations", Some("f"));
        check(
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af%3A7/invocations",
            Some("f:7"),
        );
        check("/2015-03-31/functions/f", None);
        check("/", None);
    }

    #[test]
    fn only_the_latest_version_exists() {
        let is_latest = |path: &str| Target::parse(path, None).unwrap().is_latest();
        assert!(is_latest("/2015-03-31/functions/f/invocations"));
        assert!(is_latest("/2015-03-31/functions/f:$LATEST/invocations"));
        assert!(!is_latest("/2015-03-31/functions/f:1/invocations"));
    }
}
