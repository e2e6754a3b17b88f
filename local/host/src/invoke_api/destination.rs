//! What a destination is told of an event.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::function::Reply;
use crate::ids::RequestId;

/// Why an event is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Condition {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
}

/// The record of one event.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) at: Timestamp,
    pub(super) request: RequestId,
    pub(super) function_arn: &'a str,
    pub(super) condition: Condition,
    /// How often the function ran.
    pub(super) attempts: u8,
    pub(super) payload: &'a Bytes,
    /// What the function answered last, if it ever did.
    pub(super) answer: Option<&'a Reply>,
}

impl Record<'_> {
    /// The JSON that the destination gets.
    pub(super) fn to_json(&self) -> Bytes {
        let (payload, is_error) = match self.answer {
            Some(Reply::Succeeded(payload)) => (Some(payload), false),
            Some(Reply::FunctionError(payload)) => (Some(payload), true),
            Some(Reply::Throttled | Reply::ShuttingDown) | None => (None, false),
        };
        let error = is_error.then_some("Unhandled");
        let document = Document {
            version: "1.0",
            timestamp: format!("{:.3}", self.at),
            request_context: RequestContext {
                request_id: self.request.to_string(),
                function_arn: format!("{}:$LATEST", self.function_arn),
                condition: self.condition,
                approximate_invoke_count: self.attempts,
            },
            request_payload: raw(self.payload),
            response_context: payload.map(|_| ResponseContext {
                status_code: 200,
                executed_version: "$LATEST",
                function_error: error,
            }),
            response_payload: payload.and_then(raw),
        };
        Bytes::from(serde_json::to_vec(&document).expect("texts and raw JSON are JSON"))
    }
}

/// A payload as it is; `None` where it is no JSON.
fn raw(payload: &Bytes) -> Option<&RawValue> {
    serde_json::from_slice(payload).ok()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: &'static str,
    timestamp: String,
    request_context: RequestContext,
    request_payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_context: Option<ResponseContext>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_payload: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    request_id: String,
    function_arn: String,
    condition: Condition,
    approximate_invoke_count: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext {
    status_code: u16,
    executed_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_record_is_as_the_guide_shows_it() {
        let request = RequestId::parse(
            "e4b46cbf-b738-xmpl-8880-a18cdf61200e".replace("xmpl", "4ba1").as_str(),
        );
        let answer = Reply::FunctionError(Bytes::from_static(br#"{"errorType":"E"}"#));
        let record = Record {
            at: "2019-11-14T18:16:05.568Z".parse().unwrap(),
            request: request.unwrap(),
            function_arn: "arn:aws:lambda:us-east-2:123456789012:function:my-function",
            condition: Condition::RetriesExhausted,
            attempts: 3,
            payload: &Bytes::from_static(br#"{"ORDER_IDS":["a"]}"#),
            answer: Some(&answer),
        };
        let expected = json!({
            "version": "1.0",
            "timestamp": "2019-11-14T18:16:05.568Z",
            "requestContext": {
                "requestId": "e4b46cbf-b738-4ba1-8880-a18cdf61200e",
                "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:my-function:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": { "ORDER_IDS": ["a"] },
            "responseContext": {
                "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
            },
            "responsePayload": { "errorType": "E" },
        });
        assert_eq!(serde_json::from_slice::<Value>(&record.to_json()).unwrap(), expected);
        let unanswered = Record { answer: None, condition: Condition::EventAgeExceeded, ..record };
        let document: Value = serde_json::from_slice(&unanswered.to_json()).unwrap();
        assert_eq!(document["requestContext"]["condition"], "EventAgeExceeded");
        assert_eq!(document.get("responseContext"), None);
    }
}
