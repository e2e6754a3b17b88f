//! The judge is judged: a mapping that is wrong on purpose drives the real functions, and the ledger
//! must name exactly the events that it wronged. The faults are in the tests; what is shipped has no
//! switch for them.

#[path = "../harness/cloud.rs"]
#[expect(dead_code, reason = "the judge needs a part of the harness")]
mod cloud;
mod mapping;
mod sabotage;

use serde_json::Value;

use crate::cloud::{Cloud, text};
use crate::mapping::FakeMapping;
use crate::sabotage::Sabotage;

/// Events of one load; one of them is wronged, or one batch.
const EVENTS: usize = 10_200;

/// How many ids the ledger shows of each kind.
const IDS_SHOWN: usize = 20;

/// Loads a cloud whose mapping is sabotaged; gives the ledger, its exit code and the ids wronged.
async fn judge(sabotage: Sabotage) -> (Value, Option<i32>, Vec<String>) {
    let cloud = Cloud::start();
    let paused = cloud.millrace(&["mapping", "pause", "process_events"]);
    assert!(paused.status.success(), "{}", text(&paused));
    let mapping = FakeMapping::start(&cloud, sabotage).await;
    let requests = EVENTS.to_string();
    let load = cloud.millrace(&["load", "--requests", &requests, "--connections", "16", "--json"]);
    let report: Value = serde_json::from_slice(&load.stdout).expect("`load --json` is JSON");
    assert_eq!(report["accepted"], EVENTS, "{report}");
    let wronged = mapping.stop_after(EVENTS).await;
    let ledger = cloud.ops(&["ledger", "--json"]);
    let totals = serde_json::from_slice(&ledger.stdout);
    let totals = totals.unwrap_or_else(|error| panic!("{error}: {}", text(&ledger)));
    (totals, ledger.status.code(), wronged)
}

/// The ids as the ledger shows them: in the order in which they were sent, the first ones.
fn shown(mut ids: Vec<String>) -> Value {
    let number = |id: &String| -> usize {
        let number = id.rsplit('-').next().and_then(|number| number.parse().ok());
        number.expect("an id ends with its number")
    };
    ids.sort_by_key(number);
    ids.truncate(IDS_SHOWN);
    ids.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_does_its_duty_is_acquitted() {
    let (totals, code, wronged) = judge(Sabotage::None).await;
    assert_eq!(code, Some(0), "{totals}");
    assert_eq!((totals["processed"].as_u64(), wronged.len()), (Some(EVENTS as u64), 0), "{totals}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_commits_before_the_function_succeeded_is_caught() {
    let (totals, code, wronged) = judge(Sabotage::CommitsEarly).await;
    assert_eq!(code, Some(1), "{totals}");
    assert!(!wronged.is_empty());
    assert_eq!(totals["lost"], wronged.len(), "{totals}");
    assert_eq!((&totals["twice"], &totals["lost_ids"]), (&0.into(), &shown(wronged)), "{totals}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_drops_one_record_in_ten_thousand_is_caught() {
    let (totals, code, wronged) = judge(Sabotage::DropsOne).await;
    assert_eq!(code, Some(1), "{totals}");
    assert_eq!((&totals["lost"], &totals["twice"]), (&1.into(), &0.into()), "{totals}");
    assert_eq!(totals["lost_ids"], shown(wronged), "{totals}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_applies_one_record_in_ten_thousand_twice_is_caught() {
    let (totals, code, wronged) = judge(Sabotage::RepeatsOne).await;
    assert_eq!(code, Some(1), "{totals}");
    assert_eq!((&totals["twice"], &totals["lost"]), (&1.into(), &0.into()), "{totals}");
    assert_eq!(totals["twice_ids"], shown(wronged), "{totals}");
}
