//! What the tests share: a stream, a consumer, records that judge themselves.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use event::{Coordinates, Stream};
use progress::{
    Consumer, Edge, Entry, Judged, Kept, Ledger, Limits, PartitionKey, Policy, Process, Report,
    Status, Verdict, store::Store, store::memory::MemoryStore,
};
use tokio::time::Instant;

/// The day the tests' clock starts at, in milliseconds.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

pub(crate) const KEEP: Duration = Duration::from_hours(7 * 24);

pub(crate) const POLICY: Policy =
    Policy { keep: KEEP, attempts_max: 3, give_up_wait: Duration::ZERO, records_max: 1_000 };

pub(crate) fn stream() -> Stream {
    Stream { cluster: "cluster".into(), topic: "events".into(), epoch: 1 }
}

pub(crate) fn consumer() -> Consumer {
    Consumer::new("test")
}

pub(crate) fn partition() -> PartitionKey {
    consumer().partition(&stream(), 0)
}

/// A clock that tests turn. It starts at [`START_MS`].
#[derive(Clone, Debug)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_MS)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }

    pub(crate) fn set_back(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_sub(by_ms, Ordering::SeqCst);
    }

    /// An edge without waits.
    pub(crate) fn edge(&self) -> Edge {
        let clock = Arc::clone(&self.0);
        Edge::new(move || clock.load(Ordering::SeqCst), || 0.0)
    }
}

pub(crate) fn ledger() -> (Ledger<MemoryStore>, Clock) {
    let clock = Clock::new();
    (Ledger::new(MemoryStore::default(), POLICY, clock.edge()), clock)
}

/// Far enough that no test meets them.
pub(crate) fn later() -> Limits {
    let later = Instant::now() + Duration::from_mins(10);
    Limits { last_start: later, last_wait: later }
}

/// The first wait is one too many.
pub(crate) fn no_waits() -> Limits {
    Limits { last_wait: Instant::now(), ..later() }
}

/// Entries at these offsets, whose checksum follows from the offset.
pub(crate) fn entries(offsets: impl IntoIterator<Item = i64>) -> Vec<Entry> {
    offsets
        .into_iter()
        .map(|offset| Entry { offset, checksum: u32::try_from(offset).unwrap() })
        .collect()
}

/// Judges a slice by its offsets: fails those in `failed`, skips those in `skipped`, applies the
/// rest with one effect each, named by the offset, and keeps a body.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    pub(crate) entries: Vec<Entry>,
    pub(crate) bodies: Vec<Vec<u8>>,
    pub(crate) failed: BTreeSet<i64>,
    pub(crate) skipped: BTreeSet<i64>,
    pub(crate) units: Mutex<Vec<Vec<i64>>>,
    pub(crate) given_up: Mutex<Vec<(i64, String)>>,
    /// How many judgements it was told to be in the table.
    pub(crate) committed: AtomicUsize,
}

impl Judge {
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let bodies = entries.iter().map(|entry| body(entry.offset)).collect();
        Self { entries: entries.to_vec(), bodies, ..Self::default() }
    }

    /// The offsets of each unit judged so far.
    pub(crate) fn units(&self) -> Vec<Vec<i64>> {
        self.units.lock().unwrap().clone()
    }

    pub(crate) fn verdict(&self, index: usize) -> Verdict<'_> {
        let offset = self.entries[index].offset;
        if self.failed.contains(&offset) {
            Verdict::Failed(Cow::Owned(format!("wrong {offset}")))
        } else if self.skipped.contains(&offset) {
            Verdict::Skipped
        } else {
            let id = Cow::Owned(format!("id-{offset}"));
            Verdict::Applied(Some(Kept { id, timestamp_ms: offset, body: &self.bodies[index] }))
        }
    }
}

/// The body of the record at an offset.
pub(crate) fn body(offset: i64) -> Vec<u8> {
    format!(r#"{{"offset":{offset}}}"#).into_bytes()
}

impl Process<String> for Judge {
    type Failure = Infallible;

    async fn process(&self, indexes: &[usize]) -> Result<Judged<'_, String>, Infallible> {
        let offsets = indexes.iter().map(|index| self.entries[*index].offset).collect();
        self.units.lock().unwrap().push(offsets);
        let verdicts: Vec<_> = indexes.iter().map(|index| self.verdict(*index)).collect();
        let effects = indexes
            .iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| matches!(verdict, Verdict::Applied(_)))
            .map(|(index, _)| self.entries[*index].offset.to_string())
            .take(90)
            .collect();
        Ok(Judged { verdicts, effects })
    }

    async fn give_up(&self, index: usize, reason: &str) -> Result<Vec<String>, Infallible> {
        let offset = self.entries[index].offset;
        self.given_up.lock().unwrap().push((offset, reason.to_owned()));
        Ok(vec![format!("given up {offset}")])
    }

    fn committed(&self, is_own: bool) {
        assert!(is_own, "no answer is lost here");
        self.committed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Applies a slice with a judge that likes every record.
pub(crate) async fn apply(
    ledger: &Ledger<MemoryStore>,
    offsets: impl IntoIterator<Item = i64>,
) -> Report<Infallible> {
    let entries = entries(offsets);
    ledger.apply(&partition(), &entries, &Judge::of(&entries), later()).await
}

/// The status of an offset of partition 0.
pub(crate) async fn status<S: Store>(ledger: &Ledger<S>, offset: i64) -> Status {
    let place = Coordinates::new(0, offset).unwrap();
    ledger.status(&consumer(), &stream(), place).await.unwrap()
}
