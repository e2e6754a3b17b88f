//! What a request with a JSON body must be, and the answers to those that are not.

use lambda_http::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};

use crate::{Failure, Retry};

const DEFAULT_CONTENT_TYPE: &str = "application/json";

/// What is wrong with JSON of another type.
const NOT_AN_OBJECT: &str = "the body is not a JSON object";

/// The caller's mistake, which repeating does not mend.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The body is not JSON by its type.
    #[error("content type `{content_type}` is not JSON")]
    MediaType {
        /// What it is.
        content_type: String,
    },
    /// The body is too large.
    #[error("the body has {size_bytes} bytes, {limit_bytes} are allowed")]
    BodyTooLarge {
        /// How large it is.
        size_bytes: usize,
        /// How large it may be.
        limit_bytes: usize,
    },
    /// The body is not one JSON object.
    #[error("{problem}")]
    Json {
        /// What is wrong. Never quotes the body.
        problem: String,
        /// From 1.
        line: usize,
        /// From 1; 0 before the first byte.
        column: usize,
    },
}

impl RequestError {
    /// How it is answered.
    pub fn failure(&self) -> Failure<'static> {
        let (status, code, place) = match self {
            Self::MediaType { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", None)
            }
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", None),
            Self::Json { line, column, .. } => {
                (StatusCode::BAD_REQUEST, "invalid_json", Some((*line, *column)))
            }
        };
        Failure { place, ..Failure::new(status, code, self.to_string(), Retry::No) }
    }
}

/// `application/json` or any `+json`, with or without parameters; a request without a type is taken at its word.
pub fn content_type(headers: &HeaderMap) -> Result<&str, RequestError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(DEFAULT_CONTENT_TYPE) };
    let refusal = || RequestError::MediaType {
        content_type: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    let content_type = value.to_str().ok().ok_or_else(refusal)?;
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json"
        || essence.split_once('/').is_some_and(|(_, subtype)| subtype.ends_with("+json"));
    if is_json { Ok(content_type) } else { Err(refusal()) }
}

/// Refuses a body over a limit.
pub fn sized(body: &[u8], limit_bytes: usize) -> Result<(), RequestError> {
    let size_bytes = body.len();
    if size_bytes > limit_bytes {
        return Err(RequestError::BodyTooLarge { size_bytes, limit_bytes });
    }
    Ok(())
}

/// The body as text.
pub fn text(body: &[u8]) -> Result<&str, RequestError> {
    str::from_utf8(body).map_err(|error| {
        let mut lines = body[..error.valid_up_to()].split(|&byte| byte == b'\n');
        let line = lines.clone().count();
        let column = lines.next_back().map_or(0, <[u8]>::len) + 1;
        RequestError::Json { problem: "the body is not UTF-8".to_owned(), line, column }
    })
}

/// What is wrong with a text that was to be a JSON object, with the place.
pub fn not_json(error: &serde_json::Error) -> RequestError {
    let (line, column) = (error.line(), error.column());
    if error.is_data() {
        // This error's text would quote the body, however long it is, into the answer and the log.
        return RequestError::Json { problem: NOT_AN_OBJECT.to_owned(), line, column };
    }
    let text = error.to_string();
    let problem = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    RequestError::Json { problem: problem.to_owned(), line, column }
}
