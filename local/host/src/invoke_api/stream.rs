//! What `InvokeWithResponseStream` answers: a response cut into the frames of an event stream.
//!
//! The frames come once the response is whole; nothing here knows how an invocation runs.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html>

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::function::Reply;

/// A chunk has at most so many bytes: as many as the runtimes write at a time.
const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// The last event of a stream.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Complete {
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_details: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_result: Option<String>,
}

/// The frames of what a function answered, with the end of its log in base64 where that is wanted.
/// `None` for what is not a function's answer.
pub(super) fn frames(reply: &Reply, log_result: Option<String>) -> Option<Bytes> {
    let mut frames = Vec::new();
    let complete = match reply {
        Reply::Succeeded(response) => {
            let mut rest = response.clone();
            while !rest.is_empty() {
                let chunk = rest.split_to(rest.len().min(CHUNK_BYTES_MAX));
                write(&mut frames, "PayloadChunk", "application/octet-stream", chunk);
            }
            Complete { log_result, ..Complete::default() }
        }
        Reply::FunctionError(document) => Complete { log_result, ..failure(document) },
        Reply::Throttled | Reply::ShuttingDown => return None,
    };
    let complete = serde_json::to_vec(&complete).expect("texts are always JSON");
    write(&mut frames, "InvokeComplete", "application/json", complete);
    Some(frames.into())
}

/// AWS documents no values: the error's type and its message.
fn failure(document: &Bytes) -> Complete {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Document {
        error_type: Option<String>,
        error_message: Option<String>,
    }

    let Document { error_type, error_message } =
        serde_json::from_slice(document).unwrap_or_default();
    Complete {
        error_code: Some(error_type.unwrap_or_else(|| "Unhandled".to_owned())),
        error_details: error_message,
        log_result: None,
    }
}

fn write(frames: &mut Vec<u8>, event: &'static str, content: &'static str, body: impl Into<Bytes>) {
    let header = |name: &'static str, value: &'static str| {
        Header::new(name, HeaderValue::String(value.into()))
    };
    let message = Message::new(body)
        .add_header(header(":message-type", "event"))
        .add_header(header(":event-type", event))
        .add_header(header(":content-type", content));
    write_message_to(&message, frames).expect("a frame may have 16 MB, and has 64 KB");
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::read_message_from;
    use serde_json::{Value, json};

    use super::*;

    /// The type and the body of every event.
    fn read(reply: &Reply, log: Option<&str>) -> Vec<(String, Bytes)> {
        let mut frames = frames(reply, log.map(str::to_owned)).unwrap();
        let mut events = Vec::new();
        while !frames.is_empty() {
            let message = read_message_from(&mut frames).unwrap();
            let header = |name: &str| {
                let header = message.headers().iter().find(|it| it.name().as_str() == name);
                header.unwrap().value().as_string().unwrap().as_str().to_owned()
            };
            assert_eq!(header(":message-type"), "event");
            events.push((header(":event-type"), message.payload().clone()));
        }
        events
    }

    #[test]
    fn a_response_comes_in_chunks_and_then_its_end() {
        let response = Bytes::from(vec![b'x'; CHUNK_BYTES_MAX + 1]);
        let events = read(&Reply::Succeeded(response.clone()), Some("bG9n"));
        let (kinds, bodies): (Vec<_>, Vec<_>) = events.into_iter().unzip();
        assert_eq!(kinds, ["PayloadChunk", "PayloadChunk", "InvokeComplete"]);
        assert_eq!(bodies[..2].concat(), response);
        assert_eq!(bodies[2], json!({ "LogResult": "bG9n" }).to_string());
    }

    #[test]
    fn a_failure_is_told_in_the_end() {
        for (document, expected) in [
            (
                r#"{"errorType":"E","errorMessage":"why"}"#,
                json!({ "ErrorCode": "E", "ErrorDetails": "why" }),
            ),
            ("no JSON", json!({ "ErrorCode": "Unhandled" })),
        ] {
            let events = read(&Reply::FunctionError(document.into()), None);
            let [(kind, body)] = &events[..] else { panic!("{events:?}") };
            assert_eq!(kind, "InvokeComplete");
            assert_eq!(serde_json::from_slice::<Value>(body).unwrap(), expected);
        }
    }

    #[test]
    fn what_did_not_run_has_no_stream() {
        assert_eq!(frames(&Reply::Throttled, None), None);
        assert_eq!(frames(&Reply::ShuttingDown, None), None);
    }
}
