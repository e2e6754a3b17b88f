//! Which route answers a request: patterns, AWS's order of precedence, and clashes found at start.
//!
//! Pure; it does not know events, CORS or HTTP beyond a method's name and a path.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

mod pattern;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::config::{ApiConfig, RouteConfig};
use crate::limits::INTEGRATION_TIMEOUT_MAX;
use crate::route::pattern::Pattern;

/// The stage that is served at the root.
pub(crate) const DEFAULT_STAGE: &str = "$default";

/// The path of the route that takes what no other route does.
const DEFAULT_PATH: &str = "$default";

/// Why the routes of an API cannot be served.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// A path is neither `$default` nor starts with a slash.
    #[error("path `{path}` of API `{api}` does not start with `/`")]
    NoLeadingSlash {
        /// The API's logical id.
        api: String,
        /// The path.
        path: String,
    },
    /// A segment with a brace is not one whole parameter (`{name}`, `{name+}`).
    #[error("segment `{segment}` in path `{path}` of API `{api}` is not a parameter")]
    BadParameter {
        /// The API's logical id.
        api: String,
        /// The path.
        path: String,
        /// The segment.
        segment: String,
    },
    /// A greedy parameter is followed by something.
    #[error("a greedy parameter is not the end of path `{path}` of API `{api}`")]
    GreedyNotLast {
        /// The API's logical id.
        api: String,
        /// The path.
        path: String,
    },
    /// A `$default` route has a method.
    #[error("route `$default` of API `{api}` has method `{method}`; it takes every method")]
    DefaultWithMethod {
        /// The API's logical id.
        api: String,
        /// The method.
        method: String,
    },
    /// Two routes would answer the same requests.
    #[error(
        "route `{second}` of API `{second_api}` answers the same requests as route `{first}` of API `{first_api}`"
    )]
    Clash {
        /// The key of the route that came first.
        first: String,
        /// Its API's logical id.
        first_api: String,
        /// The key of the other.
        second: String,
        /// Its API's logical id.
        second_api: String,
    },
}

/// All routes of all APIs, the most specific first.
#[derive(Debug)]
pub(crate) struct RouteTable {
    /// The stages, by name. At most ten an API on AWS, and one here.
    stages: BTreeMap<String, Vec<Route>>,
}

/// A route as it is served.
#[derive(Debug)]
pub(crate) struct Route {
    /// The index of its API in the list the table was made from.
    pub(crate) api: usize,
    /// AWS's `routeKey`: `GET /x/{id}`, `ANY /x` or `$default`.
    pub(crate) key: String,
    /// The function that answers.
    pub(crate) function: String,
    /// How long it may take, at most AWS's limit.
    pub(crate) timeout: Duration,
    method: Option<String>,
    pattern: Pattern,
}

/// A route that answers a request.
#[derive(Debug)]
pub(crate) struct Matched<'t> {
    /// The route.
    pub(crate) route: &'t Route,
    /// The path's parameters by name, decoded.
    pub(crate) parameters: Vec<(&'t str, String)>,
}

impl RouteTable {
    /// Puts the routes of `apis` in order.
    pub(crate) fn new(apis: &[ApiConfig]) -> Result<Self, RouteError> {
        let mut stages = BTreeMap::<String, Vec<Route>>::new();
        for (index, api) in apis.iter().enumerate() {
            let routes = stages.entry(api.stage.clone()).or_default();
            for config in &api.routes {
                let route = Route::new(index, api, config)?;
                if let Some(first) = routes.iter().find(|other| other.clashes_with(&route)) {
                    return Err(RouteError::Clash {
                        first: first.key.clone(),
                        first_api: apis[first.api].logical_id.clone(),
                        second: route.key,
                        second_api: api.logical_id.clone(),
                    });
                }
                routes.push(route);
            }
        }
        for routes in stages.values_mut() {
            routes.sort_by_key(|route| Reverse(route.rank()));
        }
        Ok(Self { stages })
    }

    /// The route for `method` and `path` (still percent-encoded, without the query).
    ///
    /// The stage is chosen first: below `/<stage>` of a named stage no other stage's routes answer.
    /// A scan over at most 300 routes, AWS's quota for an API.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Matched<'_>> {
        let mut segments = segments(path);
        let routes = self.choose_stage(&mut segments)?;
        routes.iter().filter(|route| route.takes(method)).find_map(|route| {
            Some(Matched { route, parameters: route.pattern.parameters(&segments)? })
        })
    }

    /// The APIs whose stage serves `path`, whether or not a route of theirs matches.
    pub(crate) fn apis_at(&self, path: &str) -> impl Iterator<Item = usize> {
        let routes = self.choose_stage(&mut segments(path));
        let mut apis: Vec<usize> = routes.into_iter().flatten().map(|route| route.api).collect();
        apis.sort_unstable();
        apis.dedup();
        apis.into_iter()
    }

    /// The routes of the stage that `segments` start with; a named stage's segment is taken off.
    fn choose_stage(&self, segments: &mut Vec<Cow<'_, str>>) -> Option<&[Route]> {
        let named = segments.first().filter(|first| *first != DEFAULT_STAGE);
        if let Some(routes) = named.and_then(|name| self.stages.get(name.as_ref())) {
            segments.remove(0);
            return Some(routes);
        }
        self.stages.get(DEFAULT_STAGE).map(Vec::as_slice)
    }
}

impl Route {
    fn new(index: usize, api: &ApiConfig, config: &RouteConfig) -> Result<Self, RouteError> {
        let method = config.method.as_ref().map(|method| method.to_ascii_uppercase());
        let (key, pattern) = if config.path == DEFAULT_PATH {
            if let Some(method) = method {
                return Err(RouteError::DefaultWithMethod { api: api.logical_id.clone(), method });
            }
            (DEFAULT_PATH.to_owned(), Pattern::anything())
        } else {
            let shown = method.as_deref().unwrap_or("ANY");
            (format!("{shown} {}", config.path), Pattern::parse(&api.logical_id, &config.path)?)
        };
        let timeout = config.timeout.min(INTEGRATION_TIMEOUT_MAX);
        Ok(Self { api: index, key, function: config.function.clone(), timeout, method, pattern })
    }

    fn takes(&self, method: &str) -> bool {
        self.method.as_deref().is_none_or(|expected| expected == method)
    }

    fn clashes_with(&self, other: &Self) -> bool {
        self.method == other.method && self.pattern.same_shape(&other.pattern)
    }

    /// Greater is more specific: the path decides, an exact method beats any method.
    fn rank(&self) -> (pattern::Rank, bool) {
        (self.pattern.rank(), self.method.is_some())
    }
}

/// The decoded segments of a path: none for `/`, an empty last one for a trailing slash.
fn segments(path: &str) -> Vec<Cow<'_, str>> {
    match path.strip_prefix('/').unwrap_or(path) {
        "" => Vec::new(),
        rest => rest.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy()).collect(),
    }
}

#[cfg(test)]
mod tests;
