//! Applying a slice: the order of reads and writes that makes effects happen once.
//! What is new and how it is cut is decided in `plan`.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    chunk::Chunk,
    fence::{Advance, Attempt, Fence},
    keys::PartitionKey,
    ledger::{
        ApplyError, Counts, Entry, Judged, Ledger, PAGE_CHUNKS, Process, Report, Stop, Verdict,
        settle::{Settled, Terms, settle},
    },
    plan::{self, PlanError, SPAN_MAX, Unit},
    store::{Commit, CommitError, EFFECTS_MAX, Order, Page, Store, StoreError},
};

/// How often in a row a pass may lose against other consumers without getting any further.
const TRIES_MAX: u32 = 6;

/// Half the longest wait after the first lost pass; the longest doubles each time.
const BACKOFF: Duration = Duration::from_millis(20);

impl<S: Store> Ledger<S> {
    /// Applies what is new in a slice, whose entries are in order of offset.
    ///
    /// Each record's effects happen exactly once, however often, in whatever cut and by however many
    /// consumers the slice is delivered. Stops before the transaction that would start after
    /// `deadline`.
    pub async fn apply<P: Process<S::Effect>>(
        &self,
        partition: &PartitionKey,
        entries: &[Entry],
        process: &P,
        deadline: Instant,
    ) -> Report<P::Failure> {
        let counts = Counts::default();
        let mut run =
            Run { ledger: self, partition, entries, process, deadline, cursor: 0, counts };
        let stop = match run.passes().await {
            Ok(()) => {
                run.cursor = entries.len();
                None
            }
            Err(error) => Some(Stop {
                offset: entries.get(run.cursor).map_or(0, |entry| entry.offset),
                error,
            }),
        };
        let Counts { applied, failed, skipped, .. } = run.counts;
        let already = run.cursor - applied - failed - skipped;
        Report { counts: Counts { already, ..run.counts }, stop }
    }
}

/// One slice on its way.
struct Run<'r, S, P> {
    ledger: &'r Ledger<S>,
    partition: &'r PartitionKey,
    entries: &'r [Entry],
    process: &'r P,
    deadline: Instant,
    /// Every entry before this index is done.
    cursor: usize,
    counts: Counts,
}

/// Why a pass ended early.
enum Break<F> {
    /// The table has changed: look again.
    Again,
    /// The slice cannot go on now.
    Stop(ApplyError<F>),
}

impl<F> From<StoreError> for Break<F> {
    fn from(error: StoreError) -> Self {
        Self::Stop(ApplyError::Store(error))
    }
}

impl<F> From<PlanError> for Break<F> {
    fn from(error: PlanError) -> Self {
        Self::Stop(ApplyError::Plan(error))
    }
}

impl<S: Store, P: Process<S::Effect>> Run<'_, S, P> {
    /// Passes over what is left until all of it is done.
    async fn passes(&mut self) -> Result<(), ApplyError<P::Failure>> {
        let mut tries = 0;
        loop {
            let before = self.cursor;
            match self.pass().await {
                Ok(()) => return Ok(()),
                Err(Break::Stop(error)) => return Err(error),
                Err(Break::Again) => {}
            }
            tries = if self.cursor > before { 1 } else { tries + 1 };
            if tries >= TRIES_MAX {
                return Err(ApplyError::Contended { tries });
            }
            let longest = BACKOFF * 2_u32.pow(tries);
            sleep(longest.mul_f64(self.ledger.edge.chance())).await;
        }
    }

    /// Counts an attempt, finds what is left, does it. An attempt that ends without a crash and
    /// without a transaction is taken back: no record is to blame for it.
    async fn pass(&mut self) -> Result<(), Break<P::Failure>> {
        let Some(last) = self.entries.last().filter(|_| self.cursor < self.entries.len()) else {
            return Ok(());
        };
        let store = &self.ledger.store;
        let begun = store.begin(self.partition, last.offset, self.ledger.edge.now_ms()).await?;
        let mut pass = Pass { held: begun.counted.then_some(Attempt::OnTime), fence: begun.fence };
        let result = self.units(&mut pass).await;
        if let Some(attempt) = pass.held {
            let released = store.release(self.partition, attempt, pass.fence.next).await;
            if let Err(StoreError::Call { action, .. }) = released {
                tracing::debug!(action, "Attempt stays counted: it could not be taken back");
            }
        }
        result
    }

    /// Does what is left, one transaction after the other.
    async fn units(&mut self, pass: &mut Pass) -> Result<(), Break<P::Failure>> {
        let chunks = self.overlapping(&pass.fence).await?;
        let left = plan::uncovered(&pass.fence, &chunks, &self.entries[self.cursor..])?;
        let left: Vec<usize> = left.into_iter().map(|index| self.cursor + index).collect();
        let Some(first) = left.first().map(|index| self.entries[*index].offset) else {
            return Ok(());
        };
        if first < pass.fence.next {
            self.begin_late(pass, first).await?;
        }
        let attempt = if first < pass.fence.next { Attempt::Late(first) } else { Attempt::OnTime };
        // An earlier attempt did not come back: from now on the count shall be that of one record.
        let alone = pass.fence.count(attempt) > 1;
        let records_max = if alone { 1 } else { self.ledger.policy.records_max };
        let units = plan::cut(&pass.fence, self.entries, &left, records_max);
        for (index, unit) in units.iter().enumerate() {
            // What lies between two units is covered.
            self.cursor = unit.indexes[0];
            if Instant::now() >= self.deadline {
                return Err(Break::Stop(ApplyError::OutOfTime));
            }
            let then = units.get(index + 1).map(|next| next.attempt);
            self.unit(pass, unit, then).await?;
        }
        Ok(())
    }

    /// The chunks that cover records of the slice; where some are not covered, all that might.
    async fn overlapping(&self, fence: &Fence) -> Result<Vec<Chunk>, StoreError> {
        let rest = &self.entries[self.cursor..];
        let behind = &rest[..rest.partition_point(|entry| entry.offset < fence.next)];
        let (Some(first), Some(last)) = (behind.first(), behind.last()) else {
            return Ok(Vec::new());
        };
        let low = (first.offset - SPAN_MAX).max(0);
        let mut high = last.offset;
        let mut chunks: Vec<Chunk> = Vec::new();
        let covered = |chunks: &[Chunk], entry: &Entry| {
            chunks.iter().any(|chunk| chunk.offsets.contains(entry.offset))
        };
        while low <= high && !behind.iter().all(|entry| covered(&chunks, entry)) {
            let page = Page { order: Order::Descending, limit: PAGE_CHUNKS };
            let mut found = self.ledger.store.chunks(self.partition, low..=high, page).await?;
            high = match found.last() {
                Some(lowest) if found.len() == PAGE_CHUNKS => lowest.first() - 1,
                _ => low - 1,
            };
            chunks.append(&mut found);
        }
        Ok(chunks)
    }

    /// Makes sure that a late record is certain to be new, and counts the attempt as its own.
    async fn begin_late(&self, pass: &mut Pass, first: i64) -> Result<(), Break<P::Failure>> {
        if !self.ledger.remembers(self.partition, first).await? {
            return Err(PlanError::TooOld { offset: first }.into());
        }
        let counted = pass.held.is_some();
        let fence = self.ledger.store.begin_late(self.partition, first, counted).await?;
        pass.held = Some(Attempt::Late(first));
        let read = std::mem::replace(&mut pass.fence, fence).version;
        // Somebody committed since the chunks were read, so they may not be all any more.
        if read == pass.fence.version { Ok(()) } else { Err(Break::Again) }
    }

    /// Judges the records of one unit and commits them.
    async fn unit(
        &mut self,
        pass: &mut Pass,
        unit: &Unit,
        then: Option<Attempt>,
    ) -> Result<(), Break<P::Failure>> {
        let judged = self.judge(unit, pass.fence.count(unit.attempt)).await?;
        let count = judged.effects.len();
        if count > EFFECTS_MAX {
            return Err(Break::Stop(ApplyError::TooManyEffects { count }));
        }
        let settled = self.settle(&pass.fence, unit, &judged.verdicts);
        let Settled { chunk, parts, counts } = settled;
        if !parts.is_empty() {
            self.ledger.store.put_blocks(parts, chunk.expires_at).await?;
        }
        let last = unit.indexes.last().expect("a unit has at least one record");
        let advance = Advance {
            version: pass.fence.version,
            next: pass.fence.next.max(self.entries[*last].offset + 1),
            done: unit.attempt,
            then,
            now_ms: chunk.applied_at_ms,
        };
        let horizon = chunk.expires_at;
        let commit = Commit { effects: judged.effects, chunk, advance: advance.clone() };
        self.commit(commit).await?;
        pass.fence.advance(&advance, horizon);
        pass.held = then;
        self.counts.applied += counts.applied;
        self.counts.failed += counts.failed;
        self.counts.skipped += counts.skipped;
        Ok(())
    }

    async fn judge(
        &self,
        unit: &Unit,
        attempts: u32,
    ) -> Result<Judged<'_, S::Effect>, Break<P::Failure>> {
        let tried = attempts.saturating_sub(1);
        let judged = match unit.indexes[..] {
            [index] if tried >= self.ledger.policy.attempts_max.max(2) => {
                let reason = format!("gave up after {tried} attempts");
                let verdicts = vec![Verdict::Failed(reason.clone().into())];
                let left = self.process.give_up(index, &reason).await;
                left.map(|()| Judged { verdicts, effects: Vec::new() })
            }
            _ => self.process.process(&unit.indexes).await,
        };
        let judged = judged.map_err(|failure| Break::Stop(ApplyError::Process(failure)))?;
        assert_eq!(judged.verdicts.len(), unit.indexes.len(), "one verdict for each record");
        Ok(judged)
    }

    fn settle(&self, fence: &Fence, unit: &Unit, verdicts: &[Verdict<'_>]) -> Settled {
        let entries: Vec<Entry> = unit.indexes.iter().map(|index| self.entries[*index]).collect();
        let now_ms = self.ledger.edge.now_ms();
        let keep_s = i64::try_from(self.ledger.policy.keep.as_secs()).unwrap_or(i64::MAX / 2);
        let terms = Terms {
            partition: self.partition,
            now_ms,
            late: matches!(unit.attempt, Attempt::Late(_)),
            version: fence.version + 1,
            expires_at: fence.horizon.max(now_ms / 1_000 + keep_s),
        };
        settle(&terms, &entries, verdicts)
    }

    /// Commits, and where the answer was lost looks whether the chunk is there.
    async fn commit(&self, commit: Commit<S::Effect>) -> Result<(), Break<P::Failure>> {
        let store = &self.ledger.store;
        let chunk = commit.chunk.clone();
        match store.commit(self.partition, commit).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict | CommitError::EffectRefused { .. }) => Err(Break::Again),
            Err(error @ CommitError::Rejected(_)) => Err(Break::Stop(ApplyError::Commit(error))),
            Err(CommitError::Unknown(cause)) => {
                tracing::warn!(error = %cause, "Commit unanswered, looking whether it is there");
                let first = chunk.first();
                let page = Page { order: Order::Ascending, limit: 1 };
                let found = store.chunks(self.partition, first..=first, page).await?;
                if found == [chunk] { Ok(()) } else { Err(Break::Again) }
            }
        }
    }
}

/// One look at the table and what is done with it.
struct Pass {
    /// The fence as this pass knows it.
    fence: Fence,
    /// The attempt counted for what comes next.
    held: Option<Attempt>,
}
