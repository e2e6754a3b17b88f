//! Applying a slice: the order of reads and writes that makes effects happen once.
//! What is new and how it is cut is decided in `plan`.

use std::time::Duration;

use tokio::time::{Instant, error::Elapsed, sleep, sleep_until, timeout_at};

use crate::{
    fence::{Advance, Attempt, Fence},
    keys::PartitionKey,
    ledger::{
        ApplyError, Counts, Entry, Judged, Ledger, Limits, Process, Report, Stop, Verdict,
        settle::{Settled, Terms, settle},
    },
    plan::{self, PlanError, Unit},
    store::{Commit, CommitError, EFFECTS_MAX, Order, Page, Store, StoreError},
};

/// How often in a row a pass may lose against other consumers without getting any further.
const TRIES_MAX: u32 = 6;

/// Half the longest wait after the first lost pass; the longest doubles each time.
const BACKOFF: Duration = Duration::from_millis(20);

/// How long taking back an attempt may take once the time for everything else is over.
const RELEASE_WAIT: Duration = Duration::from_millis(200);

impl<S: Store> Ledger<S> {
    /// Applies what is new in a slice, whose entries are in order of offset.
    ///
    /// Each record's effects happen exactly once, however often, in whatever cut and by however many
    /// consumers the slice is delivered.
    pub async fn apply<P: Process<S::Effect>>(
        &self,
        partition: &PartitionKey,
        entries: &[Entry],
        process: &P,
        limits: Limits,
    ) -> Report<P::Failure> {
        let counts = Counts::default();
        let mut run = Run { ledger: self, partition, entries, process, limits, cursor: 0, counts };
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
    limits: Limits,
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

impl<F> From<Elapsed> for Break<F> {
    fn from(_: Elapsed) -> Self {
        Self::Stop(ApplyError::OutOfTime)
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
            let wait = (BACKOFF * 2_u32.pow(tries)).mul_f64(self.ledger.edge.chance());
            sleep_until(self.limits.last_wait.min(Instant::now() + wait)).await;
        }
    }

    /// Counts an attempt, finds what is left, does it. An attempt that ends without a crash and
    /// without a transaction is taken back: no record is to blame for it. One that runs out of time
    /// while records are judged stays counted, because they may be.
    async fn pass(&mut self) -> Result<(), Break<P::Failure>> {
        let Some(last) = self.entries.last().filter(|_| self.cursor < self.entries.len()) else {
            return Ok(());
        };
        self.check_time()?;
        let (store, last_wait) = (&self.ledger.store, self.limits.last_wait);
        let begin = store.begin(self.partition, last.offset, self.ledger.edge.now_ms());
        let begun = timeout_at(last_wait, begin).await??;
        let held = begun.counted.then_some(Attempt::OnTime);
        let mut pass = Pass { held, fence: begun.fence, judging: false };
        let result = timeout_at(last_wait, self.units(&mut pass)).await;
        if let Some(attempt) = pass.held.filter(|_| !pass.judging) {
            let until = last_wait.max(Instant::now() + RELEASE_WAIT);
            let release = store.release(self.partition, attempt, pass.fence.next);
            if !matches!(timeout_at(until, release).await, Ok(Ok(()))) {
                tracing::debug!("Attempt stays counted: it could not be taken back");
            }
        }
        result?
    }

    /// Does what is left, one transaction after the other.
    async fn units(&mut self, pass: &mut Pass) -> Result<(), Break<P::Failure>> {
        let rest = &self.entries[self.cursor..];
        let behind = &rest[..rest.partition_point(|entry| entry.offset < pass.fence.next)];
        let chunks = self.ledger.overlapping(self.partition, behind).await?;
        let left = plan::uncovered(&pass.fence, &chunks, rest)?;
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
        let records_max = self.ledger.policy.records_max.min(self.process.records_max());
        let records_max = if alone { 1 } else { records_max };
        let units = plan::cut(&pass.fence, self.entries, &left, records_max);
        for (index, unit) in units.iter().enumerate() {
            // What lies between two units is covered.
            self.cursor = unit.indexes[0];
            self.check_time()?;
            let then = units.get(index + 1).map(|next| next.attempt);
            self.unit(pass, unit, then).await?;
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), Break<P::Failure>> {
        let left = Instant::now() < self.limits.last_start;
        if left { Ok(()) } else { Err(Break::Stop(ApplyError::OutOfTime)) }
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
        let tried = pass.fence.count(unit.attempt).saturating_sub(1);
        let gives_up = unit.indexes.len() == 1 && tried >= self.ledger.policy.attempts_max.max(2);
        if gives_up {
            self.await_others(&pass.fence).await?;
        }
        pass.judging = true;
        let judged = self.judge(unit, gives_up.then_some(tried)).await;
        pass.judging = false;
        let judged = judged?;
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
        let is_own = self.commit(commit).await?;
        self.process.committed(is_own);
        pass.fence.advance(&advance, horizon);
        pass.held = then;
        self.counts.applied += counts.applied;
        self.counts.failed += counts.failed;
        self.counts.skipped += counts.skipped;
        Ok(())
    }

    /// Lets other consumers show that the attempts counted are theirs, and not those of the dead.
    async fn await_others(&self, fence: &Fence) -> Result<(), Break<P::Failure>> {
        sleep(self.ledger.policy.give_up_wait).await;
        let now = self.ledger.store.fence(self.partition).await?.unwrap_or_default();
        if now.version == fence.version { Ok(()) } else { Err(Break::Again) }
    }

    /// `gave_up_after` is the number of attempts at a single record, if they were too many.
    async fn judge(
        &self,
        unit: &Unit,
        gave_up_after: Option<u32>,
    ) -> Result<Judged<'_, S::Effect>, Break<P::Failure>> {
        let judged = match (&unit.indexes[..], gave_up_after) {
            (&[index], Some(tried)) => {
                let reason = format!("gave up after {tried} attempts");
                let verdicts = vec![Verdict::Failed(reason.clone().into())];
                let left = self.process.give_up(index, &reason).await;
                left.map(|effects| Judged { verdicts, effects })
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

    /// Commits, and where the answer was lost looks whether the chunk is there. Says whether it was certainly this
    /// transaction: another consumer's chunk may be the same.
    async fn commit(&self, commit: Commit<S::Effect>) -> Result<bool, Break<P::Failure>> {
        let store = &self.ledger.store;
        let chunk = commit.chunk.clone();
        match store.commit(self.partition, commit).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict | CommitError::EffectRefused { .. }) => Err(Break::Again),
            Err(error @ CommitError::Rejected(_)) => Err(Break::Stop(ApplyError::Commit(error))),
            Err(CommitError::Unknown(cause)) => {
                tracing::warn!(error = %cause, "Commit unanswered, looking whether it is there");
                let first = chunk.first();
                let page = Page { order: Order::Ascending, limit: 1 };
                let found = store.chunks(self.partition, first..=first, page).await?;
                if found == [chunk] { Ok(false) } else { Err(Break::Again) }
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
    /// Whether the consumer is at its own part.
    judging: bool,
}
