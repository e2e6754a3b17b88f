//! The documents about records that were given up, as AWS writes them.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html> and
//! <https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure-destination.html>. Their samples
//! name the same condition `RetryAttemptsExhausted` for SQS, SNS and S3, and `RetriesExhausted` for
//! a topic.

#[cfg(test)]
mod tests;

use base64_simd::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::config::EventSource;
use crate::event::EventWriter;
use crate::mapping::{Condition, Delivery, Record, ends};

/// What does not change about a mapping's documents.
pub(super) struct Source {
    pub(super) mapping: String,
    pub(super) function_arn: String,
    pub(super) cluster: EventSource,
    pub(super) bootstrap_servers: String,
    pub(super) writer: EventWriter,
}

/// The documents about one delivery.
pub(super) struct Document<'a> {
    pub(super) source: &'a Source,
    pub(super) delivery: &'a Delivery,
    pub(super) at: Timestamp,
    pub(super) request_id: Uuid,
}

/// The part of a record's JSON text that a topic's message repeats.
#[derive(Deserialize)]
struct Keyed {
    key: Option<String>,
}

/// The key of a record.
pub(super) fn key(record: &Record) -> Option<Vec<u8>> {
    let keyed: Keyed = serde_json::from_slice(&record.json).expect("we wrote it");
    keyed.key.map(|key| STANDARD.decode_to_vec(key).expect("we encoded it"))
}

impl Document<'_> {
    /// For SQS and SNS: where the records are.
    pub(super) fn of_batch(&self) -> String {
        self.batch().to_string()
    }

    /// For S3: with the event, as text.
    pub(super) fn of_batch_with_payload(&self) -> String {
        let mut document = self.batch();
        let event = self.event(&self.delivery.records);
        document["payload"] = Value::String(String::from_utf8_lossy(&event).into_owned());
        document.to_string()
    }

    /// For a topic: one record, with its event.
    pub(super) fn of_record(&self, record: &Record) -> String {
        let event = self.event(std::slice::from_ref(record));
        let mut info = self.info(1, event.len());
        let place = json!({"offset": record.offset.to_string(), "timestamp": time(record)});
        info.insert("recordInfo".to_owned(), place);
        let mut document = self.top("RetriesExhausted", &info);
        document["payload"] = serde_json::from_slice(&event).expect("we wrote it");
        document.to_string()
    }

    /// A file's name where every document has one: when, and which.
    pub(super) fn file_name(&self) -> String {
        format!("{}-{}.json", self.at.strftime("%Y-%m-%dT%H.%M.%S"), self.request_id)
    }

    /// The key of an S3 object, after the pattern of other event sources.
    pub(super) fn object_key(&self) -> String {
        let (mapping, partition) = (&self.source.mapping, self.partition());
        let day = self.at.strftime("%Y/%m/%d");
        format!("aws/lambda/{mapping}/{partition}/{day}/{}", self.file_name())
    }

    fn batch(&self) -> Value {
        let records = &self.delivery.records;
        let (first, last) = ends(records);
        let mut info = self.info(records.len(), self.event(records).len());
        let range = json!({
            "firstRecordOffset": first.to_string(),
            "lastRecordOffset": last.to_string(),
            "firstRecordTimestamp": records.first().map(time),
            "lastRecordTimestamp": records.last().map(time),
        });
        let ranges = Map::from_iter([(self.partition(), range)]);
        info.insert("recordsInfo".to_owned(), Value::Object(ranges));
        self.top("RetryAttemptsExhausted", &info)
    }

    fn top(&self, retries_exhausted: &str, info: &Map<String, Value>) -> Value {
        let condition = match self.delivery.condition {
            Condition::RetriesExhausted => retries_exhausted,
            Condition::TooOld => "RecordAgeExceeded",
            Condition::TooLarge => "MaximumPayloadSizeExceeded",
        };
        json!({
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": self.source.function_arn,
                "condition": condition,
                "approximateInvokeCount": self.delivery.attempts,
            },
            "responseContext": self.response(),
            "version": "1.0",
            "timestamp": millis(self.at),
            "KafkaBatchInfo": info,
        })
    }

    /// What the function said last; nothing where it was not asked.
    fn response(&self) -> Value {
        if self.delivery.attempts == 0 {
            return Value::Null;
        }
        let mut response = json!({"statusCode": 200, "executedVersion": "$LATEST"});
        if self.delivery.function_error {
            response["functionError"] = json!("Unhandled");
        }
        response
    }

    fn info(&self, records: usize, payload_bytes: usize) -> Map<String, Value> {
        let mut info = Map::new();
        info.insert("batchSize".to_owned(), json!(records));
        if let EventSource::Msk { cluster_arn } = &self.source.cluster {
            info.insert("eventSourceArn".to_owned(), json!(cluster_arn));
        }
        info.insert("bootstrapServers".to_owned(), json!(self.source.bootstrap_servers));
        info.insert("payloadSize".to_owned(), json!(payload_bytes));
        info
    }

    fn event(&self, records: &[Record]) -> bytes::Bytes {
        self.source.writer.write([(self.delivery.partition, records)].into_iter())
    }

    fn partition(&self) -> String {
        format!("{}-{}", self.source.writer.topic(), self.delivery.partition)
    }
}

fn time(record: &Record) -> String {
    millis(Timestamp::from_millisecond(record.timestamp_ms).unwrap_or_default())
}

/// `2019-11-14T00:38:06.021Z`
fn millis(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
