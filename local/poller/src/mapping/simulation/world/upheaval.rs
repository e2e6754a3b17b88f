//! What happens to a poller of a simulated world: rebalances, pauses, and its death.

use std::sync::Arc;

use super::World;
use crate::mapping::{Input, Mapping, Membership, Start};

impl World {
    /// Everything is given back and assigned again from what was committed.
    pub(super) fn rebalance(&mut self) {
        self.give_back();
        self.assign();
    }

    /// Everything is revoked, and released or lost.
    fn give_back(&mut self) {
        self.released = false;
        let all: Vec<i32> = self.truths.keys().copied().collect();
        self.handle(Input::Revoked(all.clone()));
        let commits_lost = self.commits_lost;
        let patience = self.rng.u8(0..60);
        for _ in 0..patience {
            match self.rng.u8(0..4) {
                _ if self.released => break,
                0 => self.end_commit(),
                1 => self.end_delivery(),
                2 => self.end_invocation(),
                _ => self.pass_time(),
            }
        }
        let released = self.released;
        if !released {
            self.handle(Input::Lost(all));
        }
        if !released || self.commits_lost > commits_lost {
            // As if it had died: what Kafka remembers may count an attempt that was not made.
            self.crashes += 1;
        }
        // A commit that is late is refused: the group has another generation.
        if self.commit.take().is_some() {
            self.handle(Input::CommitEnded(Err("rebalance in progress".to_owned())));
        }
        for truth in self.truths.values_mut() {
            truth.fed = None;
        }
        for _ in 0..self.rng.u8(0..6) {
            if self.rng.bool() { self.end_invocation() } else { self.pass_time() }
        }
    }

    /// The mapping is paused, and resumed before or after it has left its group.
    pub(super) fn pause(&mut self) {
        (self.paused, self.left) = (true, false);
        self.handle(Input::Pause);
        for _ in 0..self.rng.u8(0..80) {
            match self.rng.u8(0..5) {
                _ if self.left => break,
                0 => self.end_commit(),
                1 => self.end_delivery(),
                2 => self.end_invocation(),
                3 => self.feed(),
                _ => self.pass_time(),
            }
        }
        let left = self.left;
        if left {
            self.give_back();
        }
        self.paused = false;
        self.handle(Input::Resume);
        if left {
            self.assign();
        }
    }

    /// The poller dies; another one takes over. Invocations under way are made and heard of no more.
    pub(super) fn crash(&mut self) {
        self.crashes += 1;
        self.mapping = Mapping::new(self.settings, Arc::clone(&self.writer), Membership::Joined);
        for batch in std::mem::take(&mut self.under_way) {
            let outcome = self.function.run(&mut self.rng, self.troubled, &batch);
            for place in outcome.processed {
                self.fact(place).processed = true;
            }
            for slice in batch.slices.iter().filter(|_| outcome.tried) {
                for record in slice.records.iter() {
                    self.fact((slice.partition, record.offset)).tried += 1;
                }
            }
        }
        for delivery in std::mem::take(&mut self.deliveries) {
            for record in delivery.records.iter().filter(|_| self.crashes.is_multiple_of(2)) {
                self.truths.get_mut(&delivery.partition).expect("ours").log
                    [usize::try_from(record.offset).expect("small")]
                .given_up = Some(delivery.condition);
            }
        }
        // The commit may have arrived.
        if let Some(positions) = self.commit.take().filter(|_| self.rng.bool()) {
            for (partition, position) in positions {
                self.truth(partition).committed = position;
            }
        }
        self.assign();
    }

    pub(in crate::mapping::simulation) fn assign(&mut self) {
        let mut starts = Vec::new();
        for (partition, truth) in &mut self.truths {
            truth.fed = Some(truth.committed.next);
            truth.paused = false;
            starts.push(Start { partition: *partition, position: truth.committed.clone() });
        }
        self.handle(Input::Assigned(starts));
    }
}
