//! `HttpApi` events: the routes of HTTP APIs.

use std::time::Duration;

use super::IMPLICIT_API;
use crate::{
    place::{Fields, Place},
    plan::{Function, HttpApi, Route},
};

const ANY: &str = "ANY";

/// The path of the route that takes what no other does.
const DEFAULT_PATH: &str = "$default";

/// What HTTP APIs know, apart from any.
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// The limits of an integration's timeout; the upper one is the default.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const TIMEOUT_MS_MIN: u32 = 50;
const TIMEOUT_MS_MAX: u32 = 30_000;

/// A route and the API it names.
#[derive(Debug)]
pub(super) struct DeclaredRoute<'r> {
    place: Place<'r>,
    api: String,
    route: Route,
}

pub(super) fn read<'r>(function: &Function, properties: &Place<'r>) -> Option<DeclaredRoute<'r>> {
    let fields = properties.fields()?;
    let api = match fields.optional("ApiId") {
        Some(place) => place.text().map(str::to_owned),
        None => Some(IMPLICIT_API.to_owned()),
    };
    let timeout = fields.optional("TimeoutInMillis");
    let timeout_ms = timeout.and_then(|place| place.count(TIMEOUT_MS_MIN..=TIMEOUT_MS_MAX));
    if let Some(place) = fields.optional("PayloadFormatVersion")
        && place.text().is_some_and(|version| version != "2.0")
    {
        place.problem("only payload format 2.0 is simulated");
    }
    if let Some(place) = fields.optional("Auth") {
        let authorizer = place.node().get("Authorizer");
        if authorizer.and_then(|node| node.as_text()) != Some("NONE") {
            place.problem("authorizers are not simulated");
        }
    }
    if let Some(place) = fields.optional("RouteSettings") {
        place.warning("throttling and metrics of routes have no effect here");
    }
    let key = route_key(&fields);
    fields.finish();
    let (method, path) = key?;
    let timeout = Duration::from_millis(timeout_ms.unwrap_or(TIMEOUT_MS_MAX).into());
    let route = Route { method, path, function: function.name.clone(), timeout };
    Some(DeclaredRoute { place: properties.clone(), api: api?, route })
}

/// Gives each route to its API; the implicit one is made when the first route asks for it.
pub(super) fn assign(
    routes: Vec<DeclaredRoute<'_>>,
    apis: &mut Vec<HttpApi>,
    implicit: impl Fn() -> HttpApi,
) {
    for DeclaredRoute { place, api, route } in routes {
        if api == IMPLICIT_API && apis.iter().all(|candidate| candidate.logical_id != api) {
            apis.push(implicit());
        }
        let Some(api) = apis.iter_mut().find(|candidate| candidate.logical_id == api) else {
            place.problem(format!("there is no `AWS::Serverless::HttpApi` `{api}`"));
            continue;
        };
        let same = |other: &&Route| other.method == route.method && other.path == route.path;
        if let Some(other) = api.routes.iter().find(same) {
            let method = route.method.as_deref().unwrap_or(ANY);
            let (path, function) = (&route.path, &other.function);
            place.problem(format!("the route `{method} {path}` goes to `{function}` already"));
        }
        api.routes.push(route);
    }
}

/// Method (`None` for any) and path. Neither given means the `$default` route; SAM refuses one
/// without the other.
fn route_key(fields: &Fields<'_>) -> Option<(Option<String>, String)> {
    if fields.optional("Method").is_none() && fields.optional("Path").is_none() {
        return Some((None, DEFAULT_PATH.to_owned()));
    }
    let (method_place, place) = (fields.required("Method"), fields.required("Path"));
    let method = method_place.and_then(|place| method(&place));
    let path = place.as_ref()?.text()?;
    let method = Some(method?).filter(|method| method != ANY);
    if path == DEFAULT_PATH && method.is_none() {
        return Some((None, path.to_owned()));
    }
    if let Some(objection) = objection(path) {
        place?.problem(objection);
        return None;
    }
    Some((method, path.to_owned()))
}

/// A method in capitals; `ANY` for any.
fn method(place: &Place<'_>) -> Option<String> {
    let text = place.text()?;
    let upper = text.to_ascii_uppercase();
    if matches!(upper.as_str(), ANY | "X-AMAZON-APIGATEWAY-ANY-METHOD") {
        return Some(ANY.to_owned());
    }
    if !METHODS.contains(&upper.as_str()) {
        let hint = Some(format!("known are {} and ANY", METHODS.join(", ")));
        place.problem_with_hint(format!("`{text}` is not a method of an HTTP API"), hint);
        return None;
    }
    Some(upper)
}

/// Why a path is none. A variable is a whole segment, `{name}`, or `{name+}` as the last one.
fn objection(path: &str) -> Option<String> {
    let Some(segments) = path.strip_prefix('/') else {
        return Some(format!("the path `{path}` must start with a slash"));
    };
    let segments: Vec<&str> = segments.split('/').collect();
    let mut variables = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        if !segment.contains(['{', '}']) {
            continue;
        }
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let Some(name) = name.filter(|name| !name.contains(['{', '}'])) else {
            return Some(format!("`{segment}` must be a variable as a whole: `{{name}}`"));
        };
        if name.ends_with('+') && index + 1 < segments.len() {
            return Some(format!("the greedy variable `{segment}` must come last"));
        }
        let name = name.trim_end_matches('+');
        if name.is_empty() {
            return Some(format!("the variable `{segment}` has no name"));
        }
        if variables.contains(&name) {
            return Some(format!("the variable `{segment}` is there twice"));
        }
        variables.push(name);
    }
    None
}
