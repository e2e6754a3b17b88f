//! What arrives in the log.

use host::LogFormat;
use serde_json::json;

use crate::support::{NAME, Rig, function, parse};

#[tokio::test]
async fn a_functions_lines_arrive_between_start_and_report() {
    let mut rig = Rig::start(function()).await;
    rig.response(json!({ "do": "print", "text": "hello" })).await;
    let start = rig.line(|line| line.starts_with("START RequestId: ")).await;
    assert_eq!((&*start.function, start.environment), (NAME, 1));
    assert!(start.text.ends_with(" Version: $LATEST"), "{}", start.text);
    let report = rig.line(|line| line.starts_with("REPORT RequestId: ")).await;
    assert!(report.text.contains("\tInit Duration: "), "{}", report.text);
    let knows_memory = cfg!(target_os = "linux");
    assert_eq!(report.text.contains("\tMax Memory Used: "), knows_memory, "{}", report.text);

    rig.response(json!({ "do": "print", "text": "again" })).await;
    let out = rig.line(|line| line == "out: again").await;
    assert_eq!((&*out.function, out.environment), (NAME, 1));
    rig.shutdown().await;
}

#[tokio::test]
async fn both_outputs_arrive() {
    for text in ["out: hello", "err: hello"] {
        let mut rig = Rig::start(function()).await;
        rig.response(json!({ "do": "print", "text": "hello" })).await;
        rig.line(|line| line == text).await;
        rig.shutdown().await;
    }
}

#[tokio::test]
async fn only_the_first_report_of_an_environment_tells_its_init() {
    let mut rig = Rig::start(function()).await;
    for is_first in [true, false] {
        rig.response(json!({})).await;
        let report = rig.line(|line| line.starts_with("REPORT")).await.text;
        assert_eq!(report.contains("Init Duration"), is_first, "{report}");
    }
    rig.error(json!({ "do": "exit" })).await;
    let report = rig.line(|line| line.starts_with("REPORT")).await.text;
    assert!(report.ends_with("\tStatus: error\tError Type: Runtime.ExitError"), "{report}");
    rig.shutdown().await;
}

#[tokio::test]
async fn an_init_that_exits_is_told_in_the_log() {
    let mut config = function();
    config.arguments = vec!["--init".to_owned(), "exit".to_owned()];
    let mut rig = Rig::start(config).await;
    rig.error(json!({})).await;
    for phase in ["init", "invoke"] {
        rig.line(|line| line == "Error: Runtime exited with error: exit status 7").await;
        let report = rig.line(|line| line.starts_with("INIT_REPORT")).await.text;
        let end = format!("\tPhase: {phase}\tStatus: error\tError Type: Runtime.ExitError");
        assert!(report.ends_with(&end), "{report}");
    }
    rig.shutdown().await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_does_not_hold_up_invocations() {
    let mut rig = Rig::start(function()).await;
    rig.logs.close();
    assert_eq!(rig.response(json!({ "a": 1 })).await, json!({ "a": 1 }));
    rig.shutdown().await;
}

#[tokio::test]
async fn lambdas_lines_are_json_where_the_function_says_so() {
    let mut config = function();
    config.logging.format = LogFormat::Json;
    let mut rig = Rig::start(config).await;
    rig.response(json!({ "do": "print", "text": "hello" })).await;
    let start = rig.line(|line| line.contains("platform.start")).await;
    assert_eq!(parse(start.text.as_bytes())["record"]["version"], "$LATEST");
    rig.line(|line| line == "out: hello").await;
    let report = rig.line(|line| line.contains("platform.report")).await;
    assert_eq!(parse(report.text.as_bytes())["record"]["status"], "success");
    rig.shutdown().await;
}
