//! What a request asks for, and which function its path and query name, in any of the ways AWS
//! accepts.

use http::Method;
use percent_encoding::percent_decode_str;

/// The only version there is here.
pub(super) const LATEST: &str = "$LATEST";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Invoke(Target),
    InvokeStreamed(Target),
    List,
    Get(Target),
    GetConfiguration(Target),
    GetConcurrency(Target),
}

impl Operation {
    /// `None` for what is not served.
    pub(super) fn parse(method: &Method, path: &str, query: Option<&str>) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("/2019-09-30/functions/") {
            let name = rest.strip_suffix("/concurrency").filter(|_| method == Method::GET)?;
            return Some(Self::GetConcurrency(Target::parse(name, query)?));
        }
        if let Some(rest) = path.strip_prefix("/2021-11-15/functions/") {
            let name = rest.strip_suffix("/response-streaming-invocations");
            let name = name.filter(|_| method == Method::POST)?;
            return Some(Self::InvokeStreamed(Target::parse(name, query)?));
        }
        let rest = path.strip_prefix("/2015-03-31/functions")?;
        let name = rest.strip_prefix('/').unwrap_or(rest);
        match *method {
            Method::POST => {
                let name = name.strip_suffix("/invocations")?;
                Some(Self::Invoke(Target::parse(name, query)?))
            }
            Method::GET if name.is_empty() => Some(Self::List),
            Method::GET => match name.strip_suffix("/configuration") {
                Some(name) => Some(Self::GetConfiguration(Target::parse(name, query)?)),
                None => Some(Self::Get(Target::parse(name, query)?)),
            },
            _ => None,
        }
    }
}

/// A function and, where given, its qualifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    qualifier: Option<String>,
}

impl Target {
    /// `None` when `encoded` is more than one segment of a path, or not UTF-8.
    fn parse(encoded: &str, query: Option<&str>) -> Option<Self> {
        if encoded.is_empty() || encoded.contains('/') {
            return None;
        }
        let function = percent_decode_str(encoded).decode_utf8().ok()?;
        let (name, qualifier) = split(&function);
        let in_query = parameter(query, "Qualifier");
        let qualifier = in_query.as_deref().or(qualifier).filter(|qualifier| !qualifier.is_empty());
        Some(Self { name: name.to_owned(), qualifier: qualifier.map(str::to_owned) })
    }

    /// Whether its qualifier, if it has one, is the latest version or one of `aliases`.
    pub(super) fn means(&self, aliases: &[String]) -> bool {
        self.qualifier.as_deref().is_none_or(|qualifier| {
            qualifier == LATEST || aliases.iter().any(|alias| alias == qualifier)
        })
    }

    /// `name`, or `name:qualifier`.
    pub(super) fn qualified_name(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.name),
            None => self.name.clone(),
        }
    }
}

/// A parameter of a query, decoded.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    query.unwrap_or_default().split('&').find_map(|pair| {
        let value = pair.strip_prefix(name)?.strip_prefix('=')?;
        Some(percent_decode_str(value).decode_utf8().ok()?.into_owned())
    })
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

    fn operation(method: &Method, path_and_query: &str) -> Option<Operation> {
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        Operation::parse(method, path, query)
    }

    fn target(name: &str, qualifier: Option<&str>) -> Target {
        Target { name: name.to_owned(), qualifier: qualifier.map(str::to_owned) }
    }

    #[track_caller]
    fn check(path_and_query: &str, name: &str, qualifier: Option<&str>) {
        let expected = Some(Operation::Invoke(target(name, qualifier)));
        assert_eq!(operation(&Method::POST, path_and_query), expected);
    }

    #[test]
    fn a_function_is_named_in_every_way_aws_accepts() {
        check("/2015-03-31/functions/f/invocations", "f", None);
        check("/2015-03-31/functions/f:$LATEST/invocations", "f", Some("$LATEST"));
        check("/2015-03-31/functions/f/invocations?Qualifier=%24LATEST", "f", Some("$LATEST"));
        check("/2015-03-31/functions/000000000000:function:f/invocations", "f", None);
        check(
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af%3A7/invocations",
            "f",
            Some("7"),
        );
    }

    #[test]
    fn a_stream_is_asked_for_by_another_path() {
        let path = "/2021-11-15/functions/f:live/response-streaming-invocations";
        let streamed = Operation::InvokeStreamed(target("f", Some("live")));
        assert_eq!(operation(&Method::POST, path), Some(streamed));
        assert_eq!(operation(&Method::GET, path), None);
    }

    #[test]
    fn functions_may_be_looked_at() {
        let get = |path| operation(&Method::GET, path);
        let f = || target("f", None);
        assert_eq!(get("/2015-03-31/functions/f"), Some(Operation::Get(f())));
        let configuration = get("/2015-03-31/functions/f/configuration");
        assert_eq!(configuration, Some(Operation::GetConfiguration(f())));
        assert_eq!(get("/2015-03-31/functions/"), Some(Operation::List));
        assert_eq!(get("/2015-03-31/functions"), Some(Operation::List));
        let concurrency = get("/2019-09-30/functions/f/concurrency");
        assert_eq!(concurrency, Some(Operation::GetConcurrency(f())));
    }

    #[test]
    fn nothing_else_is_served() {
        assert_eq!(operation(&Method::GET, "/"), None);
        assert_eq!(operation(&Method::GET, "/2015-03-31/functions/f/invocations"), None);
        assert_eq!(operation(&Method::POST, "/2015-03-31/functions"), None);
        assert_eq!(operation(&Method::DELETE, "/2015-03-31/functions/f"), None);
    }

    #[test]
    fn only_the_latest_version_and_aliases_of_it_exist() {
        let aliases = ["live".to_owned()];
        assert!(target("f", None).means(&aliases));
        assert!(target("f", Some("$LATEST")).means(&aliases));
        assert!(target("f", Some("live")).means(&aliases));
        assert!(!target("f", Some("1")).means(&aliases));
    }
}
