//! Turns Kafka messages into records as the event will carry them, a run at a time.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::Timestamp as KafkaTimestamp;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

use crate::event::{EventWriter, RecordView, Timestamp};
use crate::feed::health::Health;
use crate::feed::{POLL_MAX, Reader};
use crate::mapping;

/// A run ends with this many records, so that a busy topic is handed on while it is warm.
const RUN_RECORDS_MAX: usize = 1_000;

/// A run ends with this many bytes of JSON text; the queue to the mapping's task holds a few runs.
const RUN_BYTES_MAX: usize = 256 * 1024;

/// What polling found besides records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Polled {
    pub(crate) errors: u64,
    /// A partition does not have the offset any more that is to be read next.
    pub(crate) out_of_range: bool,
}

/// The records of one run, by partition.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    runs: BTreeMap<i32, Text>,
}

/// One partition's records, their texts one after the other. The text's memory is used again;
/// what is handed on is a copy of the exact size, so that buffered bytes are what they claim.
#[derive(Debug, Default)]
struct Text {
    json: Vec<u8>,
    records: Vec<Written>,
    filtered_out: u64,
    /// The offset after the last one.
    next: i64,
}

/// A record whose text is written.
#[derive(Debug)]
struct Written {
    offset: i64,
    timestamp_ms: i64,
    /// Where its text ends.
    end: usize,
}

impl Gathering {
    /// Waits for a record, then takes what is there; tells of the errors among it.
    pub(crate) fn poll(&mut self, reader: &Reader, health: &mut Health) -> Polled {
        let mut wait = POLL_MAX;
        let mut bytes = 0;
        let mut polled = Polled::default();
        for _ in 0..RUN_RECORDS_MAX {
            match reader.consumer.poll(wait) {
                Some(Ok(message)) => {
                    health.recovered();
                    bytes += self.add(&message, reader);
                }
                Some(Err(error)) => {
                    polled.errors += 1;
                    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) {
                        polled.out_of_range = true;
                    } else {
                        let said = reader.said.try_iter().last().unwrap_or_default();
                        health.report(&error, &said);
                    }
                }
                None => return polled,
            }
            if bytes >= RUN_BYTES_MAX {
                return polled;
            }
            wait = Duration::ZERO;
        }
        polled
    }

    /// Takes what was gathered, in order of partition.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (i32, mapping::Run)> {
        self.runs
            .iter_mut()
            .filter(|(_, run)| !run.records.is_empty() || run.filtered_out > 0)
            .map(|(partition, run)| (*partition, run.take()))
    }

    /// Takes a message; gives its bytes in memory.
    fn add(&mut self, message: &BorrowedMessage<'_>, reader: &Reader) -> usize {
        let run = self.runs.entry(message.partition()).or_default();
        run.next = message.offset() + 1;
        if !reader.filters.pass(message.payload()) {
            run.filtered_out += 1;
            return 0;
        }
        let start = run.json.len();
        write(message, &reader.writer, &mut run.json);
        run.records.push(Written {
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(0).max(0),
            end: run.json.len(),
        });
        run.json.len() - start
    }
}

impl Text {
    fn take(&mut self) -> mapping::Run {
        let text = Bytes::copy_from_slice(&self.json);
        let mut start = 0;
        let records = self
            .records
            .drain(..)
            .map(|Written { offset, timestamp_ms, end }| {
                let json = text.slice(start..end);
                start = end;
                mapping::Record { offset, timestamp_ms, json }
            })
            .collect();
        self.json.clear();
        self.json.shrink_to(RUN_BYTES_MAX);
        let filtered_out = std::mem::take(&mut self.filtered_out);
        mapping::Run { records, filtered_out, next: self.next }
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
