//! The group's rules, one by one, under a clock of the test's own.

use super::*;

const SESSION: Duration = Duration::from_secs(10);
const REBALANCE: Duration = Duration::from_mins(1);

pub(super) fn rules() -> GroupRules {
    GroupRules {
        session_timeout_min: Duration::from_secs(6),
        session_timeout_max: Duration::from_mins(30),
        initial_rebalance_delay: Duration::ZERO,
        members_max: 5,
    }
}

pub(super) fn profile(protocols: &[&str]) -> Profile {
    let metadata = |name: &&str| ((*name).to_owned(), Bytes::from_static(b"topics"));
    Profile {
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        protocol_type: "consumer".to_owned(),
        protocols: protocols.iter().map(metadata).collect(),
    }
}

struct Fixture {
    group: Group,
    start: Instant,
    at: Duration,
    next_ticket: Ticket,
}

impl Fixture {
    fn new() -> Self {
        Self::with(rules())
    }

    fn with(rules: GroupRules) -> Self {
        let (start, at) = (Instant::now(), Duration::ZERO);
        Self { group: Group::new(rules), start, at, next_ticket: 0 }
    }

    fn handle(&mut self, input: impl FnOnce(Ticket) -> Input) -> (Ticket, Vec<Action>) {
        self.next_ticket += 1;
        let actions = self.group.handle(self.start + self.at, input(self.next_ticket));
        (self.next_ticket, actions)
    }

    fn pass(&mut self, time: Duration) -> Vec<Action> {
        self.at += time;
        self.handle(|_| Input::Tick).1
    }

    fn join_as(&mut self, id: &str, profile: Profile) -> (Ticket, Vec<Action>) {
        let (member_id, fresh_id) = (id.to_owned(), String::new());
        let id_first = IdFirst::NotRequired;
        self.handle(|ticket| Input::Join { ticket, member_id, fresh_id, id_first, profile })
    }

    /// A new member that need not come back with its id.
    fn join_new(&mut self, id: &str) -> (Ticket, Vec<Action>) {
        let (fresh_id, id_first) = (id.to_owned(), IdFirst::NotRequired);
        let profile = profile(&["range"]);
        let member_id = String::new();
        self.handle(|ticket| Input::Join { ticket, member_id, fresh_id, id_first, profile })
    }

    fn sync(&mut self, id: &str, generation: i32, to: &[&str]) -> (Ticket, Vec<Action>) {
        let assignment = |id: &&str| ((*id).to_owned(), Bytes::from((*id).to_owned()));
        let assignments = to.iter().map(assignment).collect();
        let member = claim(id, generation);
        self.handle(|ticket| Input::Sync { ticket, member, assignments })
    }

    fn heartbeat(&mut self, id: &str, generation: i32) -> Result<(), ResponseError> {
        let member = claim(id, generation);
        done(&self.handle(|ticket| Input::Heartbeat { ticket, member }).1)
    }

    fn commit(&mut self, id: &str, generation: i32) -> Result<(), ResponseError> {
        let member = claim(id, generation);
        done(&self.handle(|ticket| Input::Commit { ticket, member }).1)
    }

    fn leave(&mut self, id: &str) -> Result<(), ResponseError> {
        let member_id = id.to_owned();
        done(&self.handle(|ticket| Input::Leave { ticket, member_id }).1)
    }

    /// A stable group of `a` (who leads) and `b` in generation 2.
    fn pair() -> Self {
        let mut fixture = Self::new();
        fixture.join_new("a");
        fixture.sync("a", 1, &["a"]);
        fixture.join_new("b");
        fixture.join_as("a", profile(&["range"]));
        fixture.sync("b", 2, &[]);
        fixture.sync("a", 2, &["a", "b"]);
        assert_eq!(fixture.group.state_name(), "Stable");
        fixture
    }
}

fn claim(id: &str, generation: i32) -> Claim {
    Claim { member_id: id.to_owned(), generation, protocol_type: None, protocol: None }
}

fn done(actions: &[Action]) -> Result<(), ResponseError> {
    let mut answers = actions.iter().filter_map(|action| match action {
        Action::Done { result, .. } => Some(*result),
        Action::Joined { .. } | Action::Synced { .. } => None,
    });
    answers.next().expect("an answer at once")
}

fn join_error(actions: &[Action]) -> Option<ResponseError> {
    actions.iter().find_map(|action| match action {
        Action::Joined { result: Err(error), .. } => Some(*error),
        Action::Joined { .. } | Action::Synced { .. } | Action::Done { .. } => None,
    })
}

/// Who joined, with generation and leader.
fn joined(actions: &[Action]) -> Vec<(&str, i32, &str, usize)> {
    let all = actions.iter().filter_map(|action| match action {
        Action::Joined { result: Ok(joined), member_id, .. } => {
            Some((&**member_id, joined.generation, &*joined.leader, joined.members.len()))
        }
        Action::Joined { .. } | Action::Synced { .. } | Action::Done { .. } => None,
    });
    all.collect()
}

fn assignments(actions: &[Action]) -> Vec<Result<Bytes, ResponseError>> {
    let all = actions.iter().filter_map(|action| match action {
        Action::Synced { result, .. } => Some(result.clone().map(|synced| synced.assignment)),
        Action::Joined { .. } | Action::Done { .. } => None,
    });
    all.collect()
}

#[test]
fn the_first_member_leads_generation_one_and_assigns() {
    let mut fixture = Fixture::new();
    let (_, actions) = fixture.join_new("a");
    assert_eq!(joined(&actions), [("a", 1, "a", 1)]);
    let (_, actions) = fixture.sync("a", 1, &["a"]);
    assert_eq!(assignments(&actions), [Ok(Bytes::from("a"))]);
    assert_eq!((fixture.group.state_name(), fixture.group.protocol()), ("Stable", "range"));
}

#[test]
fn a_new_member_is_told_its_id_and_admitted_with_it() {
    let mut fixture = Fixture::new();
    let member_id = String::new();
    let join = |ticket| Input::Join {
        ticket,
        member_id,
        fresh_id: "fresh".to_owned(),
        id_first: IdFirst::Required,
        profile: profile(&["range"]),
    };
    let (ticket, actions) = fixture.handle(join);
    let result = Err(ResponseError::MemberIdRequired);
    let expected = Action::Joined { ticket, result, member_id: "fresh".to_owned() };
    assert_eq!(actions, [expected]);
    let (_, actions) = fixture.join_as("fresh", profile(&["range"]));
    assert_eq!(joined(&actions), [("fresh", 1, "fresh", 1)]);
}

#[test]
fn an_id_that_is_not_used_in_time_is_forgotten() {
    let mut fixture = Fixture::new();
    let join = |ticket| Input::Join {
        ticket,
        member_id: String::new(),
        fresh_id: "fresh".to_owned(),
        id_first: IdFirst::Required,
        profile: profile(&["range"]),
    };
    fixture.handle(join);
    fixture.pass(SESSION);
    assert!(fixture.group.is_empty());
    let (_, actions) = fixture.join_as("fresh", profile(&["range"]));
    assert_eq!(join_error(&actions), Some(ResponseError::UnknownMemberId));
}

#[test]
fn a_second_member_waits_until_the_first_comes_back() {
    let mut fixture = Fixture::new();
    fixture.join_new("a");
    fixture.sync("a", 1, &["a"]);
    assert_eq!(fixture.join_new("b").1, []);
    assert_eq!(fixture.heartbeat("a", 1), Err(ResponseError::RebalanceInProgress));
    let (_, actions) = fixture.join_as("a", profile(&["range"]));
    assert_eq!(joined(&actions), [("a", 2, "a", 2), ("b", 2, "a", 0)]);
}

#[test]
fn followers_get_their_assignment_when_the_leader_hands_it_out() {
    let mut fixture = Fixture::new();
    fixture.join_new("a");
    fixture.join_new("b");
    fixture.join_as("a", profile(&["range"]));
    assert_eq!(fixture.sync("b", 2, &[]).1, []);
    let (_, actions) = fixture.sync("a", 2, &["a", "b"]);
    assert_eq!(assignments(&actions), [Ok(Bytes::from("a")), Ok(Bytes::from("b"))]);
}

#[test]
fn a_member_that_the_leader_leaves_out_owns_nothing() {
    let mut fixture = Fixture::pair();
    fixture.join_as("a", profile(&["range"]));
    fixture.join_as("b", profile(&["range"]));
    fixture.sync("b", 3, &[]);
    let (_, actions) = fixture.sync("a", 3, &["a"]);
    assert_eq!(assignments(&actions), [Ok(Bytes::from("a")), Ok(Bytes::new())]);
}

#[test]
fn who_does_not_come_back_within_the_rebalance_timeout_is_out() {
    let mut fixture = Fixture::pair();
    fixture.join_new("c");
    fixture.join_as("a", profile(&["range"]));
    let mut actions = Vec::new();
    for _ in 0..12 {
        assert_eq!(fixture.heartbeat("b", 2), Err(ResponseError::RebalanceInProgress));
        actions = fixture.pass(Duration::from_secs(5));
    }
    assert_eq!(joined(&actions), [("a", 3, "a", 2), ("c", 3, "a", 0)]);
    assert_eq!(fixture.heartbeat("b", 3), Err(ResponseError::UnknownMemberId));
}

#[test]
fn a_silent_member_is_dead_after_its_session_timeout() {
    let mut fixture = Fixture::pair();
    fixture.at += SESSION.saturating_sub(Duration::from_millis(1));
    assert_eq!(fixture.heartbeat("a", 2), Ok(()));
    assert_eq!(fixture.group.next_wakeup(), Some(fixture.start + SESSION));
    fixture.pass(Duration::from_millis(1));
    assert_eq!(fixture.heartbeat("a", 2), Err(ResponseError::RebalanceInProgress));
    let (_, actions) = fixture.join_as("a", profile(&["range"]));
    assert_eq!(joined(&actions), [("a", 3, "a", 1)]);
}

#[test]
fn when_the_leader_leaves_another_takes_over() {
    let mut fixture = Fixture::pair();
    assert_eq!(fixture.leave("a"), Ok(()));
    let (_, actions) = fixture.join_as("b", profile(&["range"]));
    assert_eq!(joined(&actions), [("b", 3, "b", 1)]);
}

#[test]
fn the_last_to_leave_empties_the_group() {
    let mut fixture = Fixture::pair();
    assert_eq!(fixture.leave("a"), Ok(()));
    assert_eq!(fixture.leave("b"), Ok(()));
    assert!(fixture.group.is_empty());
    assert_eq!(fixture.group.state_name(), "Empty");
    assert_eq!(fixture.leave("b"), Err(ResponseError::UnknownMemberId));
}

#[test]
fn a_leader_that_never_assigns_is_out_and_followers_join_again() {
    let mut fixture = Fixture::new();
    fixture.join_new("a");
    fixture.join_new("b");
    fixture.join_as("a", profile(&["range"]));
    fixture.sync("b", 2, &[]);
    let mut actions = Vec::new();
    for _ in 0..12 {
        assert_eq!(fixture.heartbeat("a", 2), Ok(()));
        actions = fixture.pass(Duration::from_secs(5));
    }
    assert_eq!(assignments(&actions), [Err(ResponseError::RebalanceInProgress)]);
    let (_, actions) = fixture.join_as("b", profile(&["range"]));
    assert_eq!(joined(&actions), [("b", 3, "b", 1)]);
}

#[test]
fn a_follower_that_joins_again_unchanged_disturbs_nobody() {
    let mut fixture = Fixture::pair();
    let (_, actions) = fixture.join_as("b", profile(&["range"]));
    assert_eq!(joined(&actions), [("b", 2, "a", 0)]);
    assert_eq!(fixture.group.state_name(), "Stable");
    let (_, actions) = fixture.join_as("b", profile(&["range", "sticky"]));
    assert_eq!(actions, []);
    assert_eq!(fixture.group.state_name(), "PreparingRebalance");
}

#[test]
fn the_protocol_is_one_that_all_support() {
    let mut fixture = Fixture::new();
    fixture.join_new("a");
    let (_, actions) = fixture.join_as("", profile(&["sticky"]));
    assert_eq!(join_error(&actions), Some(ResponseError::InconsistentGroupProtocol));
    let id_first = IdFirst::NotRequired;
    let (member_id, fresh_id) = (String::new(), "b".to_owned());
    let both = profile(&["sticky", "range"]);
    fixture.handle(|ticket| Input::Join { ticket, member_id, fresh_id, id_first, profile: both });
    let (_, actions) = fixture.join_as("a", profile(&["range"]));
    let chosen = actions.iter().find_map(|action| match action {
        Action::Joined { result: Ok(joined), .. } => Some(joined.protocol.as_str()),
        Action::Joined { .. } | Action::Synced { .. } | Action::Done { .. } => None,
    });
    assert_eq!(chosen, Some("range"));
}

#[test]
fn commits_need_the_generation_unless_nobody_is_there() {
    let mut fixture = Fixture::pair();
    assert_eq!(fixture.commit("a", 2), Ok(()));
    assert_eq!(fixture.commit("a", 1), Err(ResponseError::IllegalGeneration));
    assert_eq!(fixture.commit("x", 2), Err(ResponseError::UnknownMemberId));
    assert_eq!(fixture.commit("", -1), Err(ResponseError::UnknownMemberId));
    fixture.leave("a").unwrap();
    assert_eq!(fixture.commit("b", 2), Ok(()), "what was in hand may still be committed");
    fixture.leave("b").unwrap();
    assert_eq!(fixture.commit("", -1), Ok(()));
    assert_eq!(fixture.commit("b", 2), Err(ResponseError::IllegalGeneration));
}

#[test]
fn limits_are_kept() {
    let mut fixture = Fixture::new();
    let short = Profile { session_timeout: Duration::from_secs(5), ..profile(&["range"]) };
    let (_, actions) = fixture.join_as("", short);
    assert_eq!(join_error(&actions), Some(ResponseError::InvalidSessionTimeout));
    let (_, actions) = fixture.join_as("", profile(&[]));
    assert_eq!(join_error(&actions), Some(ResponseError::InconsistentGroupProtocol));
    for id in ["a", "b", "c", "d", "e"] {
        assert_eq!(join_error(&fixture.join_new(id).1), None, "{id}");
    }
    let (_, actions) = fixture.join_new("f");
    assert_eq!(join_error(&actions), Some(ResponseError::GroupMaxSizeReached));
}

#[test]
fn the_first_round_waits_for_others_when_told_to() {
    let delay = Duration::from_secs(3);
    let mut fixture = Fixture::with(GroupRules { initial_rebalance_delay: delay, ..rules() });
    assert_eq!(fixture.join_new("a").1, []);
    assert_eq!(fixture.join_new("b").1, []);
    assert_eq!(fixture.group.next_wakeup(), Some(fixture.start + delay));
    let actions = fixture.pass(delay);
    assert_eq!(joined(&actions), [("a", 1, "a", 2), ("b", 1, "a", 0)]);
}
