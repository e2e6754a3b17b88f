//! Turns Kafka messages into records as the event will carry them, a run at a time.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::Timestamp as KafkaTimestamp;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

use crate::event::{EventWriter, RecordView, Timestamp};
use crate::feed::health::Health;
use crate::feed::{Consumer, POLL_MAX};
use crate::mapping::Record;

/// A run ends with this many records, so that a busy topic is handed on while it is warm.
const RUN_RECORDS_MAX: usize = 1_000;

/// A run ends with this many bytes of JSON text; the queue to the mapping's task holds a few runs.
const RUN_BYTES_MAX: usize = 256 * 1024;

/// The records of one run, by partition.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    runs: BTreeMap<i32, Run>,
}

/// One partition's records, their texts one after the other. The text's memory is used again;
/// what is handed on is a copy of the exact size, so that buffered bytes are what they claim.
#[derive(Debug, Default)]
struct Run {
    json: Vec<u8>,
    /// Each record's offset and where its text ends.
    ends: Vec<(i64, usize)>,
}

impl Gathering {
    /// Waits for a record, then takes what is there.
    pub(crate) fn poll(&mut self, consumer: &Consumer, writer: &EventWriter, health: &mut Health) {
        let mut wait = POLL_MAX;
        let mut bytes = 0;
        for _ in 0..RUN_RECORDS_MAX {
            match consumer.poll(wait) {
                Some(Ok(message)) => {
                    health.recovered();
                    bytes += self.add(&message, writer);
                }
                Some(Err(error)) => health.report(&error),
                None => return,
            }
            if bytes >= RUN_BYTES_MAX {
                return;
            }
            wait = Duration::ZERO;
        }
    }

    /// Takes what was gathered, in order of partition.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (i32, Vec<Record>)> {
        self.runs
            .iter_mut()
            .filter(|(_, run)| !run.ends.is_empty())
            .map(|(partition, run)| (*partition, run.take()))
    }

    fn add(&mut self, message: &BorrowedMessage<'_>, writer: &EventWriter) -> usize {
        let run = self.runs.entry(message.partition()).or_default();
        let start = run.json.len();
        write(message, writer, &mut run.json);
        run.ends.push((message.offset(), run.json.len()));
        run.json.len() - start
    }
}

impl Run {
    fn take(&mut self) -> Vec<Record> {
        let text = Bytes::copy_from_slice(&self.json);
        let mut start = 0;
        let records = self
            .ends
            .drain(..)
            .map(|(offset, end)| {
                let json = text.slice(start..end);
                start = end;
                Record { offset, json }
            })
            .collect();
        self.json.clear();
        self.json.shrink_to(RUN_BYTES_MAX);
        records
    }
}

fn write(message: &BorrowedMessage<'_>, writer: &EventWriter, out: &mut Vec<u8>) {
    let view = RecordView {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: match message.timestamp() {
            KafkaTimestamp::CreateTime(-1) | KafkaTimestamp::LogAppendTime(-1) => {
                Timestamp::Missing
            }
            KafkaTimestamp::CreateTime(ms) => Timestamp::Create(ms),
            KafkaTimestamp::LogAppendTime(ms) => Timestamp::LogAppend(ms),
            KafkaTimestamp::NotAvailable => Timestamp::Missing,
        },
        key: message.key(),
        value: message.payload(),
    };
    let Some(headers) = message.headers() else {
        return writer.write_record(out, view, std::iter::empty());
    };
    // The client library panics on a header name that is not UTF-8, which any producer may send;
    // one such record must not end the mapping.
    let start = out.len();
    let written = catch_unwind(AssertUnwindSafe(|| {
        let pairs = headers.iter().map(|header| (header.key, header.value));
        writer.write_record(out, view, pairs);
    }));
    if written.is_err() {
        tracing::error!(
            kafka.partition = view.partition,
            kafka.offset = view.offset,
            "A record's headers are left out: a name is not UTF-8",
        );
        out.truncate(start);
        writer.write_record(out, view, std::iter::empty());
    }
}
