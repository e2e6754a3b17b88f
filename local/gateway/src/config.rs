//! What a gateway is told to serve. Plain data: it is checked by [`crate::Gateway::start`].

use std::collections::BTreeMap;
use std::time::Duration;

/// One HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// Its name in the template; functions see it as `requestContext.apiId`.
    pub logical_id: String,
    /// The stage's name. `$default` is served at the root, any other below `/<stage>`.
    pub stage: String,
    /// Passed to functions as `stageVariables`.
    pub stage_variables: BTreeMap<String, String>,
    /// Where given, preflight requests are answered without a function and CORS headers of functions
    /// are ignored.
    pub cors: Option<CorsConfig>,
    /// Its routes, in any order.
    pub routes: Vec<RouteConfig>,
}

/// What `CorsConfiguration` allows.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsConfig {
    /// Origins (`https://example.com`), `*`, or `https://*` and `http://*` for any of a scheme.
    pub allow_origins: Vec<String>,
    /// Methods, or `*`.
    pub allow_methods: Vec<String>,
    /// Request headers, or `*`.
    pub allow_headers: Vec<String>,
    /// Response headers that a page may read, or `*`.
    pub expose_headers: Vec<String>,
    /// How long a browser may keep a preflight's answer, seconds.
    pub max_age_s: Option<u32>,
    /// Whether cookies may be sent.
    pub allow_credentials: bool,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfig {
    /// `None` for any method.
    pub method: Option<String>,
    /// The path with its parameters (`/get_status/{event_id}`, `/files/{proxy+}`), or `$default`.
    pub path: String,
    /// The name of the function that answers.
    pub function: String,
    /// How long the function may take; AWS's 30 s bound it in any case.
    pub timeout: Duration,
}
