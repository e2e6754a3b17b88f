//! Registers extensions, as far as runtimes need it that want SIGTERM at their end.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use uuid::Uuid;

use crate::failure::error_document;
use crate::function::FunctionSpec;
use crate::http_server::json;

const NAME: HeaderName = HeaderName::from_static("lambda-extension-name");
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");

/// Answers `POST /2020-01-01/extension/register`. Every extension is welcome; none gets events.
pub(super) fn register(headers: &HeaderMap, spec: &FunctionSpec) -> Response<Full<Bytes>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Registered<'a> {
        function_name: &'a str,
        function_version: &'a str,
        handler: &'a str,
    }

    if !headers.contains_key(NAME) {
        let message = "Empty extension name";
        let document = error_document("Extension.InvalidExtensionName", message);
        return json(StatusCode::BAD_REQUEST, document);
    }
    let registered = Registered {
        function_name: &spec.config.name,
        function_version: "$LATEST",
        handler: &spec.config.handler,
    };
    let body = serde_json::to_vec(&registered).expect("three strings are always JSON");
    let mut response = json(StatusCode::OK, body);
    let identifier = HeaderValue::try_from(Uuid::new_v4().to_string());
    response.headers_mut().insert(IDENTIFIER, identifier.expect("a UUID is printable ASCII"));
    response
}
