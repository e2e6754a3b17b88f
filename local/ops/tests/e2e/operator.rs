//! `cargo ops` as a person and a script call it: what it prints where, and its exit codes.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::cloud::{Cloud, ops_in, text};

#[track_caller]
fn fails(output: &Output, code: i32, said: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
    assert!(output.stdout.is_empty(), "{}", text(output));
    assert!(text(output).contains(said), "{}", text(output));
}

#[test]
fn where_nothing_runs_ops_is_69_and_says_how_to_start() {
    let data = tempfile::tempdir().expect("a folder");
    for command in ["events", "ledger"] {
        let output = ops_in(data.path(), &[command]);
        fails(&output, 69, "error: nothing runs on");
        assert!(text(&output).contains("hint: start it with `cargo local up`"));
    }
}

#[test]
fn words_that_make_no_sense_are_2() {
    let data = tempfile::tempdir().expect("a folder");
    fails(&ops_in(data.path(), &["ledger", "--run", "latest"]), 2, "`latest` is not eight");
    fails(&ops_in(data.path(), &["rewind"]), 2, "rewind");
}

#[tokio::test]
async fn a_ledger_needs_a_load_and_tells_pending_from_lost() {
    let cloud = Cloud::start();
    fails(&cloud.ops(&["ledger"]), 69, "error: no load was run");
    fails(&cloud.ops(&["ledger", "--run", "00000000"]), 69, "error: no load `00000000`");

    assert!(cloud.millrace(&["mapping", "pause", "process_events"]).status.success());
    assert!(cloud.millrace(&["load", "--requests", "20"]).status.success());
    let output = cloud.ops(&["ledger", "--json", "--wait", "0"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let ledger: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((&ledger["pending"], &ledger["lost"]), (&20.into(), &0.into()), "{ledger}");

    assert!(cloud.millrace(&["mapping", "resume", "process_events"]).status.success());
    assert_eq!(cloud.ledger()["processed"], 20);
}

#[tokio::test]
async fn events_appended_twice_are_in_the_file_once_and_in_the_order_of_time() {
    let cloud = Cloud::start();
    assert!(cloud.millrace(&["load", "--requests", "200"]).status.success());
    assert_eq!(cloud.ledger()["processed"], 200);
    let file = cloud.data().join("processed_events.txt");
    let path = file.to_str().expect("a path in UTF-8");
    for appended in ["appended 200 events", "appended 0 events"] {
        let output = cloud.ops(&["events", "--append", path]);
        assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output));
        assert!(text(&output).contains(appended), "{}", text(&output));
    }
    let text = fs::read_to_string(&file).expect("the file is there");
    let times: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(times.len(), 200);
    assert!(times.is_sorted(), "{text}");
}
