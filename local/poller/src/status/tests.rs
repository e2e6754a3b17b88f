//! What is told of a mapping, by what its pollers have seen.

use super::*;

fn partition(partition: i32, committed: Option<i64>, end: Option<i64>) -> PartitionStatus {
    PartitionStatus { partition, committed, end }
}

fn lag(partitions: Vec<PartitionStatus>) -> Option<i64> {
    MappingStatus::unknown(MappingState::Enabled).with(partitions).lag
}

/// A poller that reads, and what came of its last invocation.
fn poller(last: Option<(i64, Processing)>) -> Seen {
    let last = last.map(|(at_ms, processing)| Processed { at_ms, processing });
    let done = Done { counts: Counts::default(), last };
    Seen { state: MappingState::Enabled, done, trouble: None }
}

#[track_caller]
fn says(pollers: &[Seen], before: Done, reason: &str, result: &str) {
    let status = MappingStatus::of(pollers, before);
    assert_eq!((status.state_transition_reason, status.last_processing_result), (reason, result));
}

#[test]
fn lag_is_the_sum_over_partitions() {
    assert_eq!(lag(vec![partition(0, Some(3), Some(10)), partition(1, Some(5), Some(5))]), Some(7));
}

#[test]
fn lag_is_unknown_while_one_partition_is() {
    assert_eq!(lag(vec![partition(0, Some(3), Some(10)), partition(1, None, Some(5))]), None);
    assert_eq!(lag(Vec::new()), None);
}

#[test]
fn a_mapping_without_an_invocation_has_processed_nothing() {
    says(&[poller(None)], Done::default(), USER_ACTION, "No records processed");
}

#[test]
fn the_last_invocation_of_any_poller_counts_also_of_one_that_is_gone() {
    let failed = poller(Some((7, Processing::Failed)));
    let succeeded = poller(Some((8, Processing::Succeeded)));
    let problem = "PROBLEM: Function call failed";
    says(&[failed, succeeded], Done::default(), USER_ACTION, "OK");
    says(&[poller(None), failed], Done::default(), USER_ACTION, problem);
    says(&[failed], succeeded.done, USER_ACTION, "OK");
    says(&[poller(None)], failed.done, USER_ACTION, problem);
}

#[test]
fn a_function_that_is_not_there_is_the_reason_until_another_invocation_ends() {
    let missing = poller(Some((7, Processing::NoFunction)));
    let result = "PROBLEM: Function does not exist";
    says(&[missing], Done::default(), "FUNCTION_CONFIG_NOT_VALID", result);
    let found = poller(Some((8, Processing::Succeeded)));
    says(&[missing, found], Done::default(), USER_ACTION, "OK");
}

#[test]
fn trouble_with_kafka_hides_what_came_of_invocations_while_it_lasts() {
    let before = poller(Some((7, Processing::Succeeded)));
    let refused = Seen { trouble: Some(Trouble::SaslFailed), ..before };
    let result = "PROBLEM: SASL authentication failed.";
    says(&[before, refused], Done::default(), "EVENT_SOURCE_AUTHN_ERROR", result);
    says(&[before, before], Done::default(), USER_ACTION, "OK");
}

#[test]
fn a_disabled_mapping_is_so_by_its_user_and_has_no_pollers() {
    let trouble = Some(Trouble::NotAuthorized);
    let refused = Seen { state: MappingState::Disabled, trouble, ..poller(None) };
    says(&[refused], Done::default(), USER_ACTION, "PROBLEM: Cluster failed to authorize Lambda.");
    assert_eq!(MappingStatus::of(&[refused], Done::default()).pollers, 0);
}

#[test]
fn pollers_that_are_in_the_group_count() {
    let leaving = Seen { state: MappingState::Disabling, ..poller(None) };
    let status = MappingStatus::of(&[poller(None), poller(None), leaving], Done::default());
    assert_eq!((status.pollers, status.state), (3, MappingState::Enabled));
    assert_eq!(status.stopped().pollers, 0);
}
