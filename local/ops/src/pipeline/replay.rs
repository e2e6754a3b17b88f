//! Counts all outcomes again from the beginning, in a generation of its own, and lets it take over.
//!
//! While orders keep coming, the old generation goes on counting. At the end the counting pauses for a
//! moment: the new generation is brought to exactly the old one's fences, both are compared field by
//! field, and only if they agree the new one counts from then on. The figures of the old one stay, to be
//! looked at, until the next replay; those before it are removed.

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use kafka_batch::{Record, Slice};
use millrace::terminal::Waiting;
use orders::{ANALYTICS, Counting, Summary, Switch, counting_policy};
use progress::{Consumer, Edge, Entry, Ledger, Limits};
use serde::Serialize;
use tokio::time::Instant;

use crate::failure::OpsFailure;
use crate::pipeline::{Pipeline, behind, records};
use crate::topic::Held;

/// Records counted at once: several transactions.
const SLICE_RECORDS: usize = 1_000;

/// How long the counting may pause. What is left to count by then takes milliseconds.
const PAUSE: Duration = Duration::from_secs(10);

/// How close the new generation comes to the old one before the pause.
const CLOSE_RECORDS: i64 = 200;

/// How often it may fall behind that again before it pauses all the same.
const ROUNDS_MAX: u32 = 20;

/// How long one slice may take.
const SLICE_TIME: Duration = Duration::from_secs(30);

/// What a replay did.
#[derive(Debug, Serialize)]
pub(crate) struct Replayed {
    /// The generation that counted before.
    pub(crate) from: u32,
    /// The one that was counted anew.
    pub(crate) to: u32,
    /// Records counted anew.
    pub(crate) records: u64,
    /// How long it took in all.
    pub(crate) duration_s: f64,
    /// How long the counting was paused.
    pub(crate) paused_ms: f64,
    /// Where both differ; then nothing was switched.
    pub(crate) differences: Vec<String>,
    /// The figures of the new generation.
    pub(crate) summary: Summary,
}

/// The offsets of every partition: those that a topic holds, or how far a generation is.
type Offsets = Vec<Range<i64>>;

/// One replay under way.
struct Replay<'r> {
    pipeline: &'r Pipeline,
    ledger: Ledger<progress::store::DynamoDb>,
    generation: u32,
    records: u64,
    waiting: Waiting,
}

/// Replays.
pub(crate) async fn replay(pipeline: &Pipeline) -> Result<Replayed, OpsFailure> {
    let start = Instant::now();
    let topic = &pipeline.outcomes.topic;
    refuse_incomplete(topic, &pipeline.offsets(topic).await?)?;
    let from = pipeline.table().generation().await?.number;
    let to = pipeline.table().new_generation().await?;
    let ledger = Ledger::new(pipeline.store.clone(), counting_policy(), Edge::system());
    let waiting = Waiting::start("counting again");
    let mut replay = Replay { pipeline, ledger, generation: to, records: 0, waiting };
    replay.catch_up(from).await?;

    let pausing = Instant::now();
    let until_ms =
        Timestamp::now().as_millisecond() + i64::try_from(PAUSE.as_millis()).unwrap_or(0);
    let token = format!("replay-{to}-{until_ms}");
    let switch = pipeline.table().pause(from, token, until_ms).await?;
    let switch = switch.ok_or(OpsFailure::ReplayBusy)?;
    // Retention may have removed in between what was not counted yet.
    let compared = replay.compare(from).await;
    let (summary, differences) = finish(pipeline, switch, to, compared).await?;
    let paused_ms = pausing.elapsed().as_secs_f64() * 1_000.0;
    if differences.is_empty() {
        forget_before(pipeline, from).await?;
    }
    Ok(Replayed {
        from,
        to,
        records: replay.records,
        duration_s: start.elapsed().as_secs_f64(),
        paused_ms,
        differences,
        summary,
    })
}

/// Ends the pause, whatever came of the comparison; switches where nothing differs.
async fn finish(
    pipeline: &Pipeline,
    switch: Switch,
    to: u32,
    compared: Result<(Summary, Vec<String>), OpsFailure>,
) -> Result<(Summary, Vec<String>), OpsFailure> {
    let agree = compared.as_ref().is_ok_and(|(_, differences)| differences.is_empty());
    let ended = pipeline.table().end_pause(switch, agree.then_some(to)).await?;
    let compared = compared?;
    if ended { Ok(compared) } else { Err(OpsFailure::ReplayLate { seconds: PAUSE.as_secs() }) }
}

impl Replay<'_> {
    /// Counts until little is left of what the old generation has counted.
    async fn catch_up(&mut self, from: u32) -> Result<(), OpsFailure> {
        for _ in 0..ROUNDS_MAX {
            let ends = self.fences(from).await?;
            self.count(&ends).await?;
            let (now, ours) = (self.fences(from).await?, self.fences(self.generation).await?);
            if now.iter().zip(&ours).map(|(now, ours)| now - ours).sum::<i64>() < CLOSE_RECORDS {
                break;
            }
        }
        Ok(())
    }

    /// Brings the new generation to the old one's fences, which do not move, and compares.
    async fn compare(&mut self, from: u32) -> Result<(Summary, Vec<String>), OpsFailure> {
        let ends = self.fences(from).await?;
        self.count(&ends).await?;
        let table = self.pipeline.table();
        let (old, new) = (table.summary(from).await?, table.summary(self.generation).await?);
        let differences = old.differences(&new);
        Ok((new, differences))
    }

    async fn fences(&self, generation: u32) -> Result<Vec<i64>, OpsFailure> {
        let mut fences = Vec::new();
        let partitions = self.pipeline.offsets(&self.pipeline.outcomes.topic).await?.len();
        for partition in (0..).take(partitions) {
            fences.push(self.pipeline.next(&self.pipeline.counted(generation, partition)).await?);
        }
        Ok(fences)
    }

    /// Counts up to these offsets.
    async fn count(&mut self, ends: &[i64]) -> Result<(), OpsFailure> {
        let topic = &self.pipeline.outcomes.topic;
        let ours = self.fences(self.generation).await?;
        let kept = self.pipeline.offsets(topic).await?;
        // Partitions may be added in between: what only one of both knows, the next round counts.
        let gone = |(kept, ours): (&Range<i64>, &i64)| kept.start > *ours;
        if let Some(partition) = kept.iter().zip(&ours).position(gone) {
            let (kept, wanted) = (kept[partition].start, ours[partition]);
            return Err(OpsFailure::ReplayGap { topic: topic.clone(), partition, kept, wanted });
        }
        let left = |at: usize| ours[at]..ends[at].max(ours[at]);
        let held: Vec<Held> = (0..).zip((0..ends.len()).map(left)).collect();
        let all: i64 = held.iter().map(|(_, offsets)| behind(offsets, 0)).sum();
        let mut done = 0_u64;
        let mut slices: Vec<Vec<Record<'static>>> = ends.iter().map(|_| Vec::new()).collect();
        let mut records = records::read(&self.pipeline.run.kafka, topic, held)?;
        while let Some(read) = records.recv().await {
            let (partition, record) = read?;
            let at = usize::try_from(partition).expect("Kafka counts partitions from 0");
            slices[at].push(record);
            if slices[at].len() >= SLICE_RECORDS {
                let slice = std::mem::take(&mut slices[at]);
                done += u64::try_from(slice.len()).unwrap_or(0);
                self.apply(partition, slice).await?;
                self.waiting.progress(done, u64::try_from(all).unwrap_or(0));
            }
        }
        for (partition, slice) in (0..).zip(slices) {
            self.apply(partition, slice).await?;
        }
        Ok(())
    }

    async fn apply(
        &mut self,
        partition: i32,
        records: Vec<Record<'static>>,
    ) -> Result<(), OpsFailure> {
        if records.is_empty() {
            return Ok(());
        }
        let topic = self.pipeline.outcomes.topic.as_str().into();
        let slice = Slice { topic, partition, records };
        let entries: Vec<Entry> = consume::entries(&slice);
        let generation = self.generation;
        let table = self.pipeline.table();
        let counting = Counting::new(table, generation, false, &slice);
        let key = Consumer::of_generation(ANALYTICS, generation)
            .partition(&self.pipeline.outcomes, partition);
        let later = Instant::now() + SLICE_TIME;
        let limits = Limits { last_start: later, last_wait: later };
        let report = self.ledger.apply(&key, &entries, &counting, limits).await;
        self.records += u64::try_from(entries.len()).unwrap_or(0);
        match report.stop {
            None => Ok(()),
            Some(stop) => Err(OpsFailure::Count(Box::new(stop.error))),
        }
    }
}

/// Removes what generations before `from` left, those of replays that were interrupted included.
async fn forget_before(pipeline: &Pipeline, from: u32) -> Result<(), OpsFailure> {
    let table = pipeline.table();
    let partitions = pipeline.offsets(&pipeline.outcomes.topic).await?.len();
    for generation in table.oldest_generation().await?..from {
        for partition in (0..).take(partitions) {
            pipeline.store.forget(&pipeline.counted(generation, partition)).await?;
        }
        table.forget_figures(generation).await?;
    }
    Ok(table.note_oldest_generation(from).await?)
}

/// Refuses to count from the beginning where that is gone.
fn refuse_incomplete(topic: &str, held: &Offsets) -> Result<(), OpsFailure> {
    match held.iter().enumerate().find(|(_, offsets)| offsets.start > 0) {
        None => Ok(()),
        Some((partition, offsets)) => Err(OpsFailure::ReplayGap {
            topic: topic.to_owned(),
            partition,
            kept: offsets.start,
            wanted: 0,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_retention_has_removed_cannot_be_counted_again() {
        assert!(refuse_incomplete("t", &vec![0..5, 0..0]).is_ok());
        let error = refuse_incomplete("t", &vec![0..5, 3..9]).unwrap_err().to_string();
        assert!(error.contains("partition 1 of `t` begins at offset 3"), "{error}");
    }
}
