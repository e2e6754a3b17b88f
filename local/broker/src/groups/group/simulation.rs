//! A group under members that join, leave, die, dawdle and come back, in virtual time and from a
//! seed. After every step: one owner a partition in each generation, every request answered once,
//! every wake-up in the future; in the end the group settles.

use std::collections::{BTreeMap, BTreeSet};

use super::tests::{profile, rules};
use super::*;

const SEEDS: u64 = 2_000;
const STEPS: usize = 150;
const PARTITIONS: u8 = 7;
const MEMBERS_MAX: usize = 40;

/// What a simulated member is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doing {
    /// About to join, with the id it has.
    Joining,
    /// Waits for a `JoinGroup` answer.
    AwaitsJoin,
    /// About to sync; the leader with the members it was told.
    Syncing { generation: i32, members: Vec<String> },
    /// Waits for a `SyncGroup` answer.
    AwaitsSync { generation: i32 },
    /// Owns what it was assigned.
    Working { generation: i32 },
    /// Gone without a word.
    Dead,
}

#[derive(Debug)]
struct Simulated {
    id: String,
    doing: Doing,
}

struct World {
    seed: u64,
    random: fastrand::Rng,
    members_max: usize,
    group: Group,
    now: Instant,
    members: Vec<Simulated>,
    /// Requests without an answer, with who sent them.
    open: BTreeMap<Ticket, usize>,
    next_ticket: Ticket,
    /// Who owned which partition, by generation.
    owners: BTreeMap<(i32, u8), String>,
}

impl World {
    fn new(seed: u64, members_max: usize) -> Self {
        let delay = Duration::from_secs(seed % 3);
        let rules = GroupRules { initial_rebalance_delay: delay, members_max: 10_000, ..rules() };
        Self {
            seed,
            random: fastrand::Rng::with_seed(seed),
            members_max,
            group: Group::new(rules),
            now: Instant::now(),
            members: Vec::new(),
            open: BTreeMap::new(),
            next_ticket: 0,
            owners: BTreeMap::new(),
        }
    }

    fn step(&mut self) {
        match self.random.u8(..12) {
            0 if self.members.len() < self.members_max => {
                self.members.push(Simulated { id: String::new(), doing: Doing::Joining });
            }
            1 => {
                let millis = self.random.u64(..15_000);
                self.pass(millis);
            }
            2 => {
                let millis = self.random.u64(..500);
                self.pass(millis);
            }
            3 if self.random.u8(..4) == 0 => {
                if let Some(at) = self.pick() {
                    self.members[at].doing = Doing::Dead;
                }
            }
            5 if self.random.u8(..3) == 0 => {
                if let Some(at) = self.pick() {
                    self.send_late(at);
                }
            }
            4 if self.random.u8(..3) == 0 => {
                if let Some(at) = self.pick() {
                    self.leave(at);
                }
            }
            _ => {
                if let Some(at) = self.pick() {
                    self.act(at);
                }
            }
        }
    }

    /// Lets everybody act in turn until nothing changes.
    fn settle(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for at in 0..self.members.len() {
                self.act(at);
            }
            self.pass(1_000);
        }
    }

    fn pick(&mut self) -> Option<usize> {
        (!self.members.is_empty()).then(|| self.random.usize(..self.members.len()))
    }

    /// Time passes in the steps that the group asks for.
    fn pass(&mut self, millis: u64) {
        let until = self.now + Duration::from_millis(millis);
        while let Some(wakeup) = self.group.next_wakeup().filter(|at| *at <= until) {
            assert!(wakeup >= self.now, "seed {}: a wake-up in the past", self.seed);
            self.now = wakeup;
            let actions = self.group.handle(self.now, Input::Tick);
            self.take(actions);
            let next = self.group.next_wakeup();
            assert!(next.is_none_or(|at| at > self.now), "seed {}: it spins", self.seed);
        }
        self.now = until;
    }

    fn act(&mut self, at: usize) {
        let member = &self.members[at];
        let id = member.id.clone();
        match member.doing.clone() {
            Doing::Dead | Doing::AwaitsJoin => {}
            Doing::Joining => {
                self.members[at].doing = Doing::AwaitsJoin;
                let fresh_id = format!("m{}", self.next_ticket);
                let required = at.is_multiple_of(2);
                let id_first = if required { IdFirst::Required } else { IdFirst::NotRequired };
                let profile = profile(&["range"]);
                self.send(at, |ticket| Input::Join {
                    ticket,
                    member_id: id,
                    fresh_id,
                    id_first,
                    profile,
                });
            }
            Doing::Syncing { generation, members } => {
                self.members[at].doing = Doing::AwaitsSync { generation };
                let assignments = assign(&members);
                let member = claim(id, generation);
                self.send(at, |ticket| Input::Sync { ticket, member, assignments });
            }
            Doing::AwaitsSync { generation } | Doing::Working { generation } => {
                let member = claim(id, generation);
                self.send(at, |ticket| Input::Heartbeat { ticket, member });
            }
        }
    }

    /// A `SyncGroup` request of the generation before, long under way, that claims everything.
    fn send_late(&mut self, at: usize) {
        let id = self.members[at].id.clone();
        let everything = Bytes::from((0..PARTITIONS).collect::<Vec<_>>());
        let assignments = vec![(id.clone(), everything)];
        let member = claim(id, self.group.generation - 1);
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let input = Input::Sync { ticket, member, assignments };
        let mut actions = self.group.handle(self.now, input);
        let refused = |action: &Action| matches!(action, Action::Synced { ticket: to, result: Err(_) } if *to == ticket);
        let answer = actions.iter().position(refused);
        actions.remove(answer.unwrap_or_else(|| panic!("seed {}: taken", self.seed)));
        self.take(actions);
    }

    fn leave(&mut self, at: usize) {
        let member_id = std::mem::take(&mut self.members[at].id);
        if !member_id.is_empty() && self.members[at].doing != Doing::Dead {
            self.members[at].doing = Doing::Dead;
            self.send(at, |ticket| Input::Leave { ticket, member_id });
        }
    }

    fn send(&mut self, at: usize, input: impl FnOnce(Ticket) -> Input) {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        self.open.insert(ticket, at);
        let actions = self.group.handle(self.now, input(ticket));
        self.take(actions);
    }

    fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Joined { ticket, result, member_id } => {
                    let at = self.answered(ticket);
                    self.joined(at, result, member_id);
                }
                Action::Synced { ticket, result } => {
                    let at = self.answered(ticket);
                    self.synced(at, result);
                }
                Action::Done { ticket, result } => {
                    let at = self.answered(ticket);
                    self.told(at, result);
                }
            }
        }
    }

    fn answered(&mut self, ticket: Ticket) -> usize {
        let seed = self.seed;
        self.open.remove(&ticket).unwrap_or_else(|| panic!("seed {seed}: {ticket} answered twice"))
    }

    fn joined(&mut self, at: usize, result: Result<Joined, ResponseError>, id: String) {
        if self.members[at].doing != Doing::AwaitsJoin {
            return;
        }
        let member = &mut self.members[at];
        match result {
            Ok(joined) => {
                let members = joined.members.into_iter().map(|(id, _)| id).collect();
                member.id = id;
                member.doing = Doing::Syncing { generation: joined.generation, members };
            }
            Err(error) => {
                member.id =
                    if error == ResponseError::MemberIdRequired { id } else { String::new() };
                member.doing = Doing::Joining;
            }
        }
    }

    fn synced(&mut self, at: usize, result: Result<Synced, ResponseError>) {
        let Doing::AwaitsSync { generation } = self.members[at].doing else { return };
        match result {
            Ok(synced) => {
                let id = self.members[at].id.clone();
                for partition in synced.assignment {
                    let owner = self.owners.entry((generation, partition)).or_insert(id.clone());
                    let seed = self.seed;
                    assert_eq!(
                        *owner, id,
                        "seed {seed}: two owners of {partition} in {generation}"
                    );
                }
                self.members[at].doing = Doing::Working { generation };
            }
            Err(error) => self.told(at, Err(error)),
        }
    }

    fn told(&mut self, at: usize, result: Result<(), ResponseError>) {
        let member = &mut self.members[at];
        match (result, &member.doing) {
            (Ok(()), _) | (_, Doing::Dead | Doing::Joining | Doing::AwaitsJoin) => {}
            (Err(ResponseError::RebalanceInProgress), _) => member.doing = Doing::Joining,
            (Err(_), _) => {
                member.id.clear();
                member.doing = Doing::Joining;
            }
        }
    }

    /// After the dust has settled: all that live work in one generation and own everything.
    fn check_settled(&self) {
        let seed = self.seed;
        let living: Vec<_> = self.members.iter().filter(|one| one.doing != Doing::Dead).collect();
        if living.is_empty() {
            assert!(self.group.is_empty(), "seed {seed}: the dead are still members");
            return;
        }
        let generation = Doing::Working { generation: self.group.generation };
        for member in &living {
            assert_eq!(member.doing, generation, "seed {seed}: {member:?}");
        }
        let names: BTreeSet<_> = living.iter().map(|member| &member.id).collect();
        for partition in 0..PARTITIONS {
            let owner = self.owners.get(&(self.group.generation, partition));
            let owner = owner.unwrap_or_else(|| panic!("seed {seed}: nobody has {partition}"));
            assert!(names.contains(owner), "seed {seed}: {owner} is not alive");
        }
    }
}

/// What a leader does: partitions in turn to the members it was told.
fn assign(members: &[String]) -> Vec<(String, Bytes)> {
    let share = |at: usize| {
        let mine = (0..PARTITIONS).filter(|one| usize::from(*one) % members.len() == at);
        mine.collect::<Vec<_>>()
    };
    members.iter().enumerate().map(|(at, id)| (id.clone(), Bytes::from(share(at)))).collect()
}

fn claim(member_id: String, generation: i32) -> Claim {
    Claim { member_id, generation, protocol_type: None, protocol: None }
}

#[test]
fn no_partition_ever_has_two_owners_and_every_group_settles() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed, MEMBERS_MAX);
        (0..STEPS).for_each(|_| world.step());
        world.settle(400);
        world.check_settled();
    }
}

#[test]
fn a_group_of_two_thousand_settles_while_some_die_and_some_leave() {
    let mut world = World::new(1, 2_000);
    let newcomers = (0..2_000).map(|_| Simulated { id: String::new(), doing: Doing::Joining });
    world.members.extend(newcomers);
    (0..2_000).for_each(|_| world.step());
    world.settle(40);
    world.check_settled();
}
