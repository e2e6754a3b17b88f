//! CORS as an HTTP API does it: preflight requests answered, an API's own headers in place of the
//! function's.
//!
//! Pure; it does not know which API a request belongs to.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, ORIGIN,
};
use http::{Method, Response, StatusCode};

use crate::config::CorsConfig;

/// All headers that CORS defines for responses start like this.
const PREFIX: &str = "access-control-";

/// A CORS setting that cannot be a header's value.
#[derive(Debug, thiserror::Error)]
#[error("the CORS setting `{setting}` of API `{api}` cannot be sent as a header")]
pub struct CorsError {
    /// The API's logical id.
    pub api: String,
    /// The setting's values, joined.
    pub setting: String,
    /// What is wrong with it.
    #[source]
    pub source: InvalidHeaderValue,
}

/// An API's CORS rules with their headers ready.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Vec<String>,
    /// What every answer to an allowed origin carries.
    always: Vec<(HeaderName, HeaderValue)>,
    /// What only the answer to a preflight carries.
    preflight: Vec<(HeaderName, HeaderValue)>,
}

impl Cors {
    /// Prepares the headers of `config`, which belongs to `api`.
    pub(crate) fn new(api: &str, config: &CorsConfig) -> Result<Self, CorsError> {
        let list = |name: HeaderName, values: &[String]| {
            let joined = values.join(",");
            let error = |source| CorsError { api: api.to_owned(), setting: joined.clone(), source };
            let value = HeaderValue::from_str(&joined).map_err(error)?;
            Ok((!values.is_empty()).then_some((name, value)))
        };
        let credentials = (ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        let max_age = config.max_age_s.map(|age| (ACCESS_CONTROL_MAX_AGE, HeaderValue::from(age)));
        Ok(Self {
            origins: config.allow_origins.clone(),
            always: list(ACCESS_CONTROL_EXPOSE_HEADERS, &config.expose_headers)?
                .into_iter()
                .chain(config.allow_credentials.then_some(credentials))
                .collect(),
            preflight: list(ACCESS_CONTROL_ALLOW_METHODS, &config.allow_methods)?
                .into_iter()
                .chain(list(ACCESS_CONTROL_ALLOW_HEADERS, &config.allow_headers)?)
                .chain(max_age)
                .collect(),
        })
    }

    /// The answer to a preflight: 204, with headers only for an allowed origin.
    pub(crate) fn answer_preflight(&self, request: &HeaderMap) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if self.apply(request, response.headers_mut()) {
            response.headers_mut().extend(self.preflight.iter().cloned());
        }
        response
    }

    /// Replaces the CORS headers of an answer by the API's; returns whether the origin is allowed.
    pub(crate) fn apply(&self, request: &HeaderMap, answer: &mut HeaderMap) -> bool {
        let foreign: Vec<HeaderName> =
            answer.keys().filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect();
        for name in foreign {
            answer.remove(name);
        }
        let Some(allowed) = request.get(ORIGIN).and_then(|origin| self.allowed(origin)) else {
            return false;
        };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        answer.extend(self.always.iter().cloned());
        true
    }

    /// The value of `access-control-allow-origin`: `*` where that was configured, else the origin.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.origins.iter().any(|allowed| allowed == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?;
        let fits = |allowed: &String| match allowed.strip_suffix('*') {
            Some(scheme) => {
                text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            }
            None => allowed.eq_ignore_ascii_case(text),
        };
        self.origins.iter().any(fits).then(|| origin.clone())
    }
}

/// The method a preflight request asks about, where it is one.
pub(crate) fn preflight_method<'a>(method: &Method, headers: &'a HeaderMap) -> Option<&'a str> {
    if method != Method::OPTIONS || !headers.contains_key(ORIGIN) {
        return None;
    }
    headers.get(ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn cors(origins: &[&str]) -> Cors {
        let config = CorsConfig {
            allow_origins: strings(origins),
            allow_methods: strings(&["GET", "POST"]),
            allow_headers: strings(&["content-type", "x-a"]),
            expose_headers: strings(&["date"]),
            max_age_s: Some(300),
            allow_credentials: true,
        };
        Cors::new("api", &config).unwrap()
    }

    fn from_origin(origin: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))])
    }

    fn sorted(headers: &HeaderMap) -> Vec<(&str, &str)> {
        let mut pairs: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        pairs.sort_unstable();
        pairs
    }

    #[track_caller]
    fn check(origins: &[&str], origin: &'static str, allowed: Option<&str>) {
        let mut answer = HeaderMap::new();
        cors(origins).apply(&from_origin(origin), &mut answer);
        let value = answer.get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap());
        assert_eq!(value, allowed);
    }

    #[test]
    fn allows_the_origins_that_were_configured() {
        check(&["*"], "https://a.example", Some("*"));
        check(&["https://a.example"], "https://a.example", Some("https://a.example"));
        check(&["https://A.example"], "https://a.example", Some("https://a.example"));
        check(&["https://a.example"], "https://b.example", None);
        check(&["https://*"], "https://b.example", Some("https://b.example"));
        check(&["https://*"], "http://b.example", None);
        check(&[], "https://a.example", None);
    }

    #[test]
    fn a_preflight_is_answered_in_full() {
        let response =
            cors(&["https://a.example"]).answer_preflight(&from_origin("https://a.example"));
        assert_eq!(response.status(), 204);
        assert_eq!(
            sorted(response.headers()),
            [
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-headers", "content-type,x-a"),
                ("access-control-allow-methods", "GET,POST"),
                ("access-control-allow-origin", "https://a.example"),
                ("access-control-expose-headers", "date"),
                ("access-control-max-age", "300"),
            ]
        );
    }

    #[test]
    fn a_preflight_of_a_stranger_gets_no_headers() {
        let response =
            cors(&["https://a.example"]).answer_preflight(&from_origin("https://b.example"));
        assert_eq!(response.status(), 204);
        assert!(response.headers().is_empty());
    }

    #[test]
    fn headers_of_the_function_are_replaced() {
        let mut answer = HeaderMap::new();
        for name in [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_METHODS] {
            answer.insert(name, HeaderValue::from_static("*"));
        }
        answer.insert("x-a", HeaderValue::from_static("1"));
        cors(&["https://a.example"]).apply(&from_origin("https://a.example"), &mut answer);
        assert_eq!(
            sorted(&answer),
            [
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-origin", "https://a.example"),
                ("access-control-expose-headers", "date"),
                ("x-a", "1"),
            ]
        );
    }

    #[test]
    fn an_answer_to_no_origin_has_no_cors_headers() {
        let mut answer = HeaderMap::new();
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        assert!(!cors(&["*"]).apply(&HeaderMap::new(), &mut answer));
        assert!(answer.is_empty());
    }

    #[test]
    fn only_options_with_an_origin_and_a_method_is_a_preflight() {
        let mut headers = from_origin("https://a.example");
        assert_eq!(preflight_method(&Method::OPTIONS, &headers), None);
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        assert_eq!(preflight_method(&Method::OPTIONS, &headers), Some("PUT"));
        assert_eq!(preflight_method(&Method::GET, &headers), None);
        headers.remove(ORIGIN);
        assert_eq!(preflight_method(&Method::OPTIONS, &headers), None);
    }

    #[test]
    fn refuses_a_setting_that_is_no_header() {
        let config = CorsConfig { expose_headers: strings(&["a\nb"]), ..CorsConfig::default() };
        let error = Cors::new("api", &config).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the CORS setting `a\nb` of API `api` cannot be sent as a header"
        );
    }
}
