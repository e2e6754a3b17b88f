//! Starts, timeouts, crashes, kills and ends: the caller always has an answer, and the next call
//! works.

use std::fs::Permissions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use host::FunctionConfig;
use invoke::{InvokeError, Outcome};
use rustix::fs::OFlags;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_util::task::TaskTracker;

use crate::support::{Rig, bounded, error_of, function};

#[tokio::test]
async fn an_environment_serves_one_invocation_after_the_other() {
    let rig = Rig::start(function()).await;
    let first = rig.response(json!({ "do": "context" })).await;
    let second = rig.response(json!({ "do": "context" })).await;
    assert_eq!(first["pid"], second["pid"]);
    assert_ne!(first["request_id"], second["request_id"]);
    assert_eq!(rig.host.status().await[0].environments, 1);
    rig.shutdown().await;
}

#[tokio::test]
async fn a_function_sees_its_arn_and_a_true_deadline() {
    let mut config = function();
    config.timeout = Duration::from_secs(30);
    let rig = Rig::start(config).await;
    let mut deadlines = Vec::new();
    for _ in 0..2 {
        let before_ms = jiff::Timestamp::now().as_millisecond();
        let context = rig.response(json!({ "do": "context" })).await;
        let after_ms = jiff::Timestamp::now().as_millisecond();
        let deadline_ms = context["deadline_ms"].as_i64().unwrap();
        assert!((before_ms + 30_000..=after_ms + 30_000).contains(&deadline_ms));
        assert_eq!(context["arn"], "arn:aws:lambda:us-east-1:000000000000:function:fake");
        assert!(context["trace_id"].as_str().unwrap().starts_with("Root=1-"));
        deadlines.push(deadline_ms);
    }
    rig.shutdown().await;
}

#[tokio::test]
async fn a_function_gets_lambdas_variables_and_not_ours() {
    let mut config = function();
    config.environment.insert("OWN".to_owned(), "yes".to_owned());
    let rig = Rig::start(config).await;
    let variables = rig.response(json!({ "do": "variables" })).await;
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "fake"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/fake"),
        ("OWN", "yes"),
        ("SHARED", "yes"),
    ] {
        assert_eq!(variables[name], value, "{name}");
    }
    for name in ["CARGO_MANIFEST_DIR", "HOME", "AWS_LAMBDA_MAX_CONCURRENCY"] {
        assert!(variables.get(name).is_none(), "{name}");
    }
    rig.shutdown().await;
}

#[tokio::test]
async fn a_handlers_error_and_panic_reach_the_caller_and_the_environment_lives_on() {
    let rig = Rig::start(function()).await;
    let before = rig.response(json!({ "do": "context" })).await;
    assert_eq!(rig.error(json!({ "do": "fail" })).await["errorMessage"], "it was asked to fail");
    let panic = rig.error(json!({ "do": "panic" })).await;
    assert!(panic["errorMessage"].as_str().unwrap().contains("it was asked to panic"));
    let after = rig.response(json!({ "do": "context" })).await;
    assert_eq!(before["pid"], after["pid"]);
    rig.shutdown().await;
}

#[tokio::test]
async fn a_crash_is_answered_and_the_next_call_gets_a_new_environment() {
    let rig = Rig::start(function()).await;
    let before = rig.response(json!({ "do": "context" })).await;
    let error = rig.error(json!({ "do": "exit" })).await;
    assert_eq!(error["errorType"], "Runtime.ExitError");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.ends_with(" Error: Runtime exited with error: exit status 3"), "{message}");
    let after = rig.response(json!({ "do": "context" })).await;
    assert_ne!(before["pid"], after["pid"]);
    rig.shutdown().await;
}

#[tokio::test]
async fn what_a_function_sent_before_it_died_counts() {
    let mut rig = Rig::start(function()).await;
    assert_eq!(rig.response(json!({ "do": "last_words" })).await, "last words");
    rig.line(|line| line == "last words").await;
    rig.shutdown().await;
}

#[tokio::test]
async fn a_timeout_is_answered_in_awss_words_and_the_next_call_works() {
    let mut config = function();
    config.timeout = Duration::from_secs(1);
    let rig = Rig::start(config).await;
    let error = rig.error(json!({ "do": "hang" })).await;
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("RequestId: "), "{message}");
    assert!(message.ends_with(" Error: Task timed out after 1.00 seconds"), "{message}");
    assert_eq!(rig.response(json!({ "a": 1 })).await, json!({ "a": 1 }));
    rig.shutdown().await;
}

/// A `bootstrap` that is a script: it starts the function without `exec` and then does `last`.
/// Everything it starts holds the named pipe open.
fn scripted(pipe: &Path, last: &str) -> FunctionConfig {
    let mut config = function();
    let (program, pipe) = (config.executable.display(), pipe.display());
    let script = format!("exec 3<>\"{pipe}\"; \"{program}\" & {last}");
    config.executable = PathBuf::from("/bin/sh");
    config.arguments = vec!["-c".to_owned(), script];
    config
}

async fn named_pipe(name: &str) -> PathBuf {
    let name = format!("{name}-{}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.await.expect("mkfifo runs").success());
    path
}

/// Waits until nobody holds the named pipe open: then it reads as ended, not as empty.
async fn until_released(pipe: &Path) {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag of `open`");
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(pipe);
    let mut reader = opened.expect("the pipe opens");
    bounded(async {
        while reader.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    std::fs::remove_file(pipe).expect("the pipe is ours");
}

#[tokio::test]
async fn a_timeout_ends_what_a_script_started() {
    let pipe = named_pipe("timeout").await;
    let mut config = scripted(&pipe, "wait");
    config.timeout = Duration::from_secs(1);
    let rig = Rig::start(config).await;
    assert_eq!(rig.error(json!({ "do": "hang" })).await["errorType"], "Sandbox.Timedout");
    until_released(&pipe).await;
    rig.shutdown().await;
}

#[tokio::test]
async fn a_process_that_ends_takes_along_what_it_started() {
    let pipe = named_pipe("exit").await;
    let rig = Rig::start(scripted(&pipe, "exit 3")).await;
    assert_eq!(rig.error(json!({})).await["errorType"], "Runtime.ExitError");
    until_released(&pipe).await;
    rig.shutdown().await;
}

#[tokio::test]
async fn a_response_over_the_limit_is_an_error_and_the_environment_lives_on() {
    let rig = Rig::start(function()).await;
    let before = rig.response(json!({ "do": "context" })).await;
    let fits = rig.response(json!({ "do": "big", "bytes": 6 * 1024 * 1024 + 98 })).await;
    assert_eq!(fits.as_str().unwrap().len(), 6 * 1024 * 1024 + 98);
    let error = rig.error(json!({ "do": "big", "bytes": 6 * 1024 * 1024 + 99 })).await;
    assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
    let after = rig.response(json!({ "do": "context" })).await;
    assert_eq!(before["pid"], after["pid"]);
    rig.shutdown().await;
}

#[tokio::test]
async fn an_init_that_exits_is_told_to_everybody_who_waits() {
    let mut config = function();
    config.arguments = vec!["--init".to_owned(), "exit".to_owned()];
    let rig = Rig::start(config).await;
    for outcome in join_all((0..10).map(|_| rig.in_background(json!({})))).await {
        let error = error_of(outcome);
        assert_eq!(error["errorType"], "Runtime.ExitError");
        assert!(error["errorMessage"].as_str().unwrap().ends_with("exit status 7"));
    }
    rig.shutdown().await;
}

#[tokio::test]
async fn an_init_that_fails_once_delays_its_caller_and_no_more() {
    let marker =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("init-{}", std::process::id()));
    let mut config = function();
    let (program, path) = (config.executable.display(), marker.display());
    let script = format!("[ -e \"{path}\" ] || {{ : >\"{path}\"; exit 7; }}; exec \"{program}\"");
    config.executable = PathBuf::from("/bin/sh");
    config.arguments = vec!["-c".to_owned(), script];
    let mut rig = Rig::start(config).await;
    assert_eq!(rig.response(json!({ "a": 1 })).await, json!({ "a": 1 }));
    rig.line(|line| line.starts_with("INIT_REPORT")).await;
    std::fs::remove_file(marker).expect("the function wrote it");
    rig.shutdown().await;
}

#[tokio::test]
async fn a_program_that_is_replaced_while_it_starts_did_not_fail() {
    let mut config = function();
    let (program, directory) = (config.executable.clone(), config.directory.clone());
    config.executable = PathBuf::from("/bin/sleep");
    config.arguments = vec!["120".to_owned()];
    let mut rig = Rig::start(config).await;
    let answer = TaskTracker::new().spawn(rig.in_background(json!({ "a": 1 })));
    rig.until(|status| status.environments == 1).await;
    rig.host.programs().replace("fake", program, directory).await;
    assert_eq!(answer.await.unwrap().unwrap(), Outcome::Succeeded(r#"{"a":1}"#.into()));
    rig.host.shutdown().await;
    rig.logs.close();
    while let Some(line) = rig.logs.recv().await {
        assert!(!line.text.starts_with("INIT_REPORT"), "{}", line.text);
    }
}

/// As on Amazon Linux; AWS's tutorial of custom runtimes rests on it.
#[tokio::test]
async fn a_script_for_sh_runs_in_bash() {
    let mut config = function();
    let name = format!("script-{}", std::process::id());
    let script = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let program = config.executable.display();
    let text = format!("#!/bin/sh\nset -o pipefail\nsource /dev/null\nexec \"{program}\"\n");
    std::fs::write(&script, text).expect("the script is written");
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("it is ours");
    config.executable.clone_from(&script);
    let rig = Rig::start(config).await;
    assert_eq!(rig.response(json!({ "a": 1 })).await, json!({ "a": 1 }));
    rig.shutdown().await;
    std::fs::remove_file(script).expect("it is ours");
}

#[tokio::test]
async fn an_init_error_is_passed_on_verbatim() {
    let mut config = function();
    config.arguments = vec!["--init".to_owned(), "error".to_owned()];
    let rig = Rig::start(config).await;
    let error = rig.error(json!({})).await;
    assert_eq!(error, json!({ "errorType": "Fake.Init", "errorMessage": "it was asked to" }));
    rig.shutdown().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let mut config = function();
    config.executable = PathBuf::from("/nowhere/bootstrap");
    let rig = Rig::start(config).await;
    let error = rig.error(json!({})).await;
    assert_eq!(error["errorType"], "Runtime.InvalidEntrypoint");
    assert!(error["errorMessage"].as_str().unwrap().contains("/nowhere/bootstrap"));
    rig.shutdown().await;
}

#[tokio::test]
async fn a_killed_environment_answers_its_caller_and_is_replaced() {
    let mut rig = Rig::start(function()).await;
    assert_eq!(rig.host.kill_environment("fake").await, None);
    let before = rig.response(json!({ "do": "context" })).await;
    rig.line(|line| line.starts_with("REPORT")).await;
    let hanging = rig.in_background(json!({ "do": "hang" }));
    let (outcome, pid) = tokio::join!(hanging, async {
        rig.line(|line| line.starts_with("START")).await;
        rig.host.kill_environment("fake").await
    });
    let error = error_of(outcome);
    assert!(error["errorMessage"].as_str().unwrap().ends_with("signal: killed"), "{error}");
    assert_eq!(pid.map(u64::from), before["pid"].as_u64());
    let after = rig.response(json!({ "do": "context" })).await;
    assert_ne!(before["pid"], after["pid"]);
    rig.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_answers_whoever_waits_and_leaves_no_process() {
    let mut config = function();
    config.environments_max = 1;
    let rig = Rig::start(config).await;
    let calls = (0..3).map(|_| rig.in_background(json!({ "do": "hang" })));
    let shut_down = async {
        rig.until(|status| status.in_flight == 3 && status.environments == 1).await;
        bounded(rig.host.shutdown()).await;
    };
    let (outcomes, ()) = tokio::join!(join_all(calls), shut_down);
    for outcome in outcomes {
        assert!(matches!(outcome, Err(InvokeError::Refused { status: 503, .. })), "{outcome:?}");
    }
    assert_eq!(rig.host.status().await, []);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_disturb_the_next() {
    let rig = Rig::start(function()).await;
    let abandoned = rig.in_background(json!({ "a": 1 }));
    drop(tokio::time::timeout(Duration::ZERO, abandoned).await);
    assert!(matches!(rig.invoke(json!({})).await, Ok(Outcome::Succeeded(_))));
    rig.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_lets_a_function_say_goodbye() {
    let mut config = function();
    config.arguments = vec!["--farewell".to_owned(), "--extension".to_owned()];
    let mut rig = Rig::start(config).await;
    rig.response(json!({})).await;
    bounded(rig.host.shutdown()).await;
    rig.line(|line| line == "farewell").await;
}

#[tokio::test]
async fn without_an_extension_nobody_says_goodbye() {
    let mut config = function();
    config.arguments = vec!["--farewell".to_owned()];
    let mut rig = Rig::start(config).await;
    rig.response(json!({})).await;
    bounded(rig.host.shutdown()).await;
    rig.logs.close();
    while let Some(line) = rig.logs.recv().await {
        assert_ne!(line.text, "farewell");
    }
}

#[tokio::test]
async fn an_answer_counts_although_its_sender_dies_without_waiting_for_the_receipt() {
    let rig = Rig::start(function()).await;
    for _ in 0..20 {
        assert_eq!(rig.response(json!({ "do": "parting" })).await, json!("parting"));
    }
    rig.shutdown().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_that_takes_too_much_memory_is_killed_and_replaced() {
    let mut rig = Rig::start(function()).await;
    let mebibytes = |count: u64| json!({ "do": "allocate", "bytes": count << 20, "hold": true });
    let error = rig.error(mebibytes(200)).await;
    assert_eq!(error["errorType"], "Runtime.OutOfMemory");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("signal: killed"), "{error}");
    let report = rig.line(|line| line.starts_with("REPORT")).await.text;
    assert!(report.ends_with("\tStatus: error\tError Type: Runtime.OutOfMemory"), "{report}");
    assert_eq!(rig.response(json!({ "a": 1 })).await, json!({ "a": 1 }));
    rig.shutdown().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_memory_of_what_a_process_started_counts() {
    let mut config = function();
    let program = config.executable.display();
    let script = format!("\"{program}\" & wait");
    config.executable = PathBuf::from("/bin/sh");
    config.arguments = vec!["-c".to_owned(), script];
    let mut rig = Rig::start(config).await;
    rig.response(json!({ "do": "allocate", "bytes": 60_u64 << 20 })).await;
    let report = rig.line(|line| line.starts_with("REPORT")).await.text;
    let (_, used) = report.split_once("Max Memory Used: ").unwrap();
    let used_mb: u32 = used.split_once(" MB").unwrap().0.parse().unwrap();
    assert!((60..128).contains(&used_mb), "{report}");
    let allocate = json!({ "do": "allocate", "bytes": 200_u64 << 20, "hold": true });
    assert_eq!(rig.error(allocate).await["errorType"], "Runtime.OutOfMemory");
    rig.shutdown().await;
}

#[tokio::test]
async fn replaced_code_finishes_what_it_holds_while_the_new_serves() {
    let mut config = function();
    config.environments_max = 1;
    let (program, directory) = (config.executable.clone(), config.directory.clone());
    let rig = Rig::start(config).await;
    let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gate.local_addr().unwrap().to_string();
    let old = TaskTracker::new()
        .spawn(rig.in_background(json!({ "do": "wait_for", "address": address })));
    let (held, _) = bounded(gate.accept()).await.unwrap();
    let before = rig.host.status().await[0].environments;
    rig.host.programs().replace("fake", program, directory).await;
    let new = rig.response(json!({ "do": "context" })).await;
    assert_eq!((before, rig.host.status().await[0].environments), (1, 2));
    rig.host.programs().replace("other", PathBuf::new(), PathBuf::new()).await;
    let again = rig.response(json!({ "do": "context" })).await;
    assert_eq!(new["pid"], again["pid"]);
    assert!(!old.is_finished());
    drop(held);
    let answer = Outcome::Succeeded("\"waited\"".into());
    assert_eq!(old.await.unwrap().unwrap(), answer);
    rig.until(|status| status.environments == 1).await;
    rig.shutdown().await;
}
