//! What the books make of each id.

use super::*;

fn accounts(sent: &[Outcome]) -> Accounts {
    Accounts::open("cafe0123".to_owned(), sent.iter().copied())
}

#[test]
fn an_accepted_id_found_once_is_processed() {
    let mut accounts = accounts(&[Outcome::Accepted]);
    accounts.book("cafe0123-0", Found::Processed);
    let totals = accounts.close(Drained::Yes);
    assert_eq!(totals, Totals { accepted: 1, processed: 1, ..Totals::default() });
    assert!(totals.holds());
}

#[test]
fn an_accepted_id_that_is_nowhere_is_lost_once_nothing_waits() {
    let totals = accounts(&[Outcome::Accepted, Outcome::Accepted]).close(Drained::Yes);
    assert_eq!((totals.accepted, totals.lost), (2, 2));
    assert_eq!(totals.lost_ids, ["cafe0123-0", "cafe0123-1"]);
    assert!(!totals.holds());
}

#[test]
fn an_accepted_id_that_is_nowhere_is_pending_while_records_wait() {
    let totals = accounts(&[Outcome::Accepted]).close(Drained::No);
    assert_eq!(totals, Totals { accepted: 1, pending: 1, waiting: true, ..Totals::default() });
    assert!(!totals.holds(), "nobody has seen it processed");
}

#[test]
fn nothing_is_proved_while_records_wait_even_where_every_accepted_id_was_found() {
    let mut accounts = accounts(&[Outcome::Accepted, Outcome::Ambiguous]);
    accounts.book("cafe0123-0", Found::Processed);
    let totals = accounts.close(Drained::No);
    assert_eq!((totals.pending, totals.lost, totals.holds()), (0, 0, false));
}

#[test]
fn an_id_applied_twice_is_told() {
    let mut accounts = accounts(&[Outcome::Accepted]);
    accounts.book("cafe0123-0", Found::Processed);
    accounts.book("cafe0123-0", Found::Processed);
    let totals = accounts.close(Drained::Yes);
    assert_eq!((totals.processed, totals.twice), (1, 1));
    assert_eq!(totals.twice_ids, ["cafe0123-0"]);
    assert!(!totals.holds());
}

#[test]
fn an_id_both_processed_and_failed_was_applied_twice() {
    let mut accounts = accounts(&[Outcome::Accepted]);
    accounts.book("cafe0123-0", Found::Processed);
    accounts.book("cafe0123-0", Found::Failed);
    assert_eq!(accounts.close(Drained::Yes).twice, 1);
}

#[test]
fn an_ambiguous_id_may_be_there_or_not_but_not_twice() {
    let mut accounts = accounts(&[Outcome::Ambiguous, Outcome::Ambiguous, Outcome::Ambiguous]);
    accounts.book("cafe0123-1", Found::Processed);
    accounts.book("cafe0123-2", Found::Processed);
    accounts.book("cafe0123-2", Found::Processed);
    let totals = accounts.close(Drained::Yes);
    assert_eq!((totals.ambiguous, totals.processed, totals.twice, totals.lost), (3, 2, 1, 0));
}

#[test]
fn a_refused_id_that_was_applied_is_told() {
    let mut accounts = accounts(&[Outcome::Refused, Outcome::NotSent, Outcome::Refused]);
    accounts.book("cafe0123-0", Found::Processed);
    accounts.book("cafe0123-1", Found::Failed);
    let totals = accounts.close(Drained::Yes);
    assert_eq!(totals.refused_applied_ids, ["cafe0123-0", "cafe0123-1"]);
    assert_eq!((totals.refused_applied, totals.lost, totals.twice), (2, 0, 0));
    assert!(!totals.holds());
}

#[test]
fn a_failed_id_is_not_lost_and_its_dead_letters_are_no_second_application() {
    let mut accounts = accounts(&[Outcome::Accepted]);
    accounts.book("cafe0123-0", Found::Failed);
    accounts.book("cafe0123-0", Found::Dead);
    accounts.book("cafe0123-0", Found::Dead);
    let totals = accounts.close(Drained::Yes);
    assert_eq!(totals, Totals { accepted: 1, failed: 1, dead: 1, ..Totals::default() });
}

#[test]
fn ids_of_other_runs_are_passed_over() {
    let mut accounts = accounts(&[Outcome::Refused]);
    for id in ["beef0123-0", "cafe0123-x", "cafe01230", ""] {
        assert!(!accounts.book(id, Found::Processed), "{id}");
    }
    assert_eq!(accounts.close(Drained::Yes), Totals::default());
}

#[test]
fn failures_of_which_nobody_knows_the_id_are_neither_called_lost_nor_accounted_for() {
    let mut accounts = accounts(&[Outcome::Accepted; 3]);
    accounts.book_nameless(2);
    let totals = accounts.close(Drained::Yes);
    assert_eq!((totals.unknown, totals.lost, totals.lost_ids.len()), (2, 1, 3));
    assert!(!totals.holds());
}

#[test]
fn nameless_failures_matter_only_where_an_id_is_missing() {
    let mut accounts = accounts(&[Outcome::Accepted]);
    accounts.book("cafe0123-0", Found::Processed);
    accounts.book_nameless(2);
    let totals = accounts.close(Drained::Yes);
    assert_eq!((totals.unknown, totals.lost), (0, 0));
    assert!(totals.holds());
}

#[test]
fn ids_that_a_killed_generator_could_not_write_down_are_ambiguous_and_told_when_applied_twice() {
    let mut accounts = accounts(&[Outcome::Accepted]);
    for id in ["cafe0123-0", "cafe0123-1", "cafe0123-7", "cafe0123-7"] {
        assert!(accounts.book(id, Found::Processed), "{id}");
    }
    let totals = accounts.close(Drained::Yes);
    assert_eq!((totals.accepted, totals.ambiguous, totals.processed), (1, 2, 3));
    assert_eq!((totals.twice, totals.twice_ids.as_slice()), (1, &["cafe0123-7".to_owned()][..]));
}

#[test]
fn reasons_are_counted_by_kind() {
    let mut accounts = accounts(&[]);
    for kind in ["no JSON", "too old", "no JSON"] {
        accounts.book_reason(kind);
    }
    let reasons = accounts.close(Drained::Yes).reasons;
    assert_eq!((reasons["no JSON"], reasons["too old"]), (2, 1));
}

#[test]
fn poison_that_is_not_given_up_once_is_wrong_once_nothing_waits() {
    let close = |poison, drained| {
        let mut accounts = accounts(&[]);
        accounts.book_poison(poison);
        accounts.close(drained)
    };
    let missing = Poison { sent: 3, failed: 2, lost: 1, twice: 0 };
    assert!(!close(missing, Drained::Yes).holds());
    assert_eq!(close(missing, Drained::No).poison, Some(Poison { lost: 0, ..missing }));
    assert!(!close(Poison { sent: 1, failed: 1, lost: 0, twice: 1 }, Drained::Yes).holds());
    assert!(close(Poison { sent: 3, failed: 3, lost: 0, twice: 0 }, Drained::Yes).holds());
}

#[test]
fn a_clean_ledger_is_the_contract_and_nothing_more() {
    let mut accounts = accounts(&[Outcome::Accepted]);
    accounts.book("cafe0123-0", Found::Processed);
    let json = serde_json::to_string(&accounts.close(Drained::Yes)).unwrap();
    assert_eq!(
        json,
        r#"{"accepted":1,"ambiguous":0,"processed":1,"failed":0,"dead":0,"pending":0,"lost":0,"twice":0}"#
    );
}
