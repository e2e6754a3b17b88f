//! Many invocations at once, in many environments and in one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use invoke::Outcome;
use serde_json::json;

use crate::support::{Rig, error_of, function};

#[tokio::test]
async fn hundreds_of_invocations_do_not_wedge_a_few_environments() {
    let rig = Rig::start(function()).await;
    let calls = (0..300).map(|number| {
        let call = rig.in_background(json!({ "number": number }));
        async move { (number, call.await) }
    });
    for (number, outcome) in join_all(calls).await {
        let expected = json!({ "number": number }).to_string();
        assert_eq!(outcome.unwrap(), Outcome::Succeeded(expected.into()));
    }
    assert!(rig.host.status().await[0].environments <= 4);
    rig.shutdown().await;
}

/// The invocations wait for one another, so they end only if they run at the same time.
#[tokio::test]
async fn one_environment_runs_as_many_invocations_as_it_may() {
    let mut config = function();
    config.environments_max = 1;
    config.environment_concurrency = 8;
    let rig = Rig::start(config).await;
    let calls = (0..8).map(|_| rig.response(json!({ "do": "meet", "of": 8 })));
    let pids: BTreeSet<_> = join_all(calls).await.iter().map(|r| r["pid"].as_u64()).collect();
    assert_eq!(pids.len(), 1);
    rig.shutdown().await;
}

#[tokio::test]
async fn a_timeout_in_a_concurrent_environment_fails_only_that_invocation() {
    let mut config = function();
    config.timeout = Duration::from_secs(2);
    config.environments_max = 1;
    config.environment_concurrency = 2;
    let rig = Rig::start(config).await;
    let before = rig.response(json!({ "do": "context" })).await;
    assert_eq!(rig.error(json!({ "do": "hang" })).await["errorType"], "Sandbox.Timedout");
    let after = rig.response(json!({ "do": "context" })).await;
    assert_eq!(before["pid"], after["pid"]);
    rig.shutdown().await;
}

#[tokio::test]
async fn every_caller_is_answered_once_while_environments_are_killed() {
    let mut config = function();
    config.environments_max = 3;
    config.environment_concurrency = 4;
    let mut rig = Rig::start(config).await;
    let calls = join_all((0..400).map(|number| rig.in_background(json!({ "number": number }))));
    let (host, mut killed) = (Arc::clone(&rig.host), 0);
    let kills = async {
        for starts in 1_u32.. {
            rig.line(|line| line.starts_with("START")).await;
            if starts.is_multiple_of(40) {
                killed += u32::from(host.kill_environment("fake").await.is_some());
            }
        }
    };
    let outcomes = tokio::select! {
        outcomes = calls => outcomes,
        () = kills => unreachable!("there are not so many numbers"),
    };
    assert!(killed > 0);
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(Outcome::Succeeded(response)) => {
                assert_eq!(response, json!({ "number": number }).to_string());
            }
            failed => assert_eq!(error_of(failed)["errorType"], "Runtime.ExitError"),
        }
    }
    assert_eq!(rig.host.status().await[0].in_flight, 0);
    rig.shutdown().await;
}
