//! Faults that can be, cannot be, and fail.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::*;

fn carrier(functions: &[&str], kafka: Stoppable) -> Carrier {
    let mapping = Mapping {
        id: "m".to_owned(),
        function: "process_events".to_owned(),
        topic: "events".to_owned(),
    };
    Carrier {
        control: ControlClient::new("http://127.0.0.1:9".to_owned()),
        functions: functions.iter().map(|&name| name.to_owned()).collect(),
        mappings: vec![mapping],
        kafka,
        turns: Turns::default(),
        under_way: UnderWay::default(),
    }
}

/// A carrier for a stack that is gone.
pub(in crate::faults) fn unreachable() -> Carrier {
    carrier(&["register_event"], Stoppable::Embedded)
}

#[track_caller]
fn refuses(carrier: &Carrier, fault: &str, said: &str) {
    let error = carrier.check(&Fault::at_once(fault).unwrap()).unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn faults_that_cannot_be_are_refused_by_name() {
    let here = carrier(&["register_event"], Stoppable::Embedded);
    refuses(&here, "kill-environment:place_order", "`place_order`; there are register_event");
    refuses(&here, "kill-poller:place_order", "no mapping invokes `place_order`");
    for fault in ["kill-environment", "kill-poller", "stop-broker", "slow-table:1s"] {
        here.check(&Fault::at_once(fault).unwrap()).unwrap();
    }
    let elsewhere = carrier(&[], Stoppable::No);
    refuses(&elsewhere, "kill-environment", "functions run elsewhere");
    refuses(&elsewhere, "stop-broker", "--kafka-stop COMMAND --kafka-start COMMAND");
    let kinds = elsewhere.kinds();
    assert!(!kinds.environments && kinds.pollers && !kinds.broker);
}

#[tokio::test]
async fn a_kafka_of_ones_own_is_stopped_and_started_by_the_commands_given() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str| format!("touch '{}'", folder.path().join(name).display());
    let scripts = Scripts { stop: script("stopped"), start: script("started") };
    let carrier = carrier(&[], Stoppable::By(scripts));
    let fault = Fault::StopBroker { down: Duration::from_secs(3) };
    assert_eq!(carrier.begin(&fault).await.unwrap(), "stopped Kafka for 3s");
    assert!(folder.path().join("stopped").exists());
    assert!(!folder.path().join("started").exists());
    assert_eq!(carrier.end(&fault).await.unwrap().as_deref(), Some("started Kafka"));
    assert!(folder.path().join("started").exists());
}

#[tokio::test]
async fn a_stop_that_fails_leaves_no_kafka_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let start = format!("touch '{}'", started.display());
    let carrier = carrier(&[], Stoppable::By(Scripts { stop: "exit 7".to_owned(), start }));
    let fault = Fault::StopBroker { down: Duration::from_secs(3) };
    let error = carrier.begin(&fault).await.unwrap_err().to_string();
    assert!(error.contains("`exit 7` failed") && error.contains('7'), "{error}");
    assert!(started.exists());
}

#[tokio::test]
async fn kafka_comes_back_when_the_last_of_its_stops_is_over() {
    let scripts = Scripts { stop: "true".to_owned(), start: "true".to_owned() };
    let carrier = carrier(&[], Stoppable::By(scripts));
    let fault = Fault::StopBroker { down: Duration::from_secs(3) };
    for _ in 0..2 {
        carrier.begin(&fault).await.unwrap();
    }
    assert_eq!(carrier.end(&fault).await.unwrap(), None);
    assert_eq!(carrier.end(&fault).await.unwrap().as_deref(), Some("started Kafka"));
}

#[tokio::test]
async fn ctrl_c_does_not_reach_the_commands() {
    // Succeeds where the shell leads a process group of its own.
    run("kill -0 -$$").await.unwrap();
}

/// A control endpoint of which `get_status` has no environment.
async fn control() -> ControlClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    TaskTracker::new().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let (mut asked, mut line) = (String::new(), String::new());
            stream.read_line(&mut asked).await.unwrap();
            while line != "\r\n" {
                line.clear();
                stream.read_line(&mut line).await.unwrap();
            }
            let (status, body) = if asked.contains("get_status") {
                ("409 Conflict", r#"{"message":"it has none"}"#)
            } else {
                ("200 OK", r#"{"pid":7}"#)
            };
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close");
            stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
        }
    });
    ControlClient::new(base)
}

#[tokio::test]
async fn every_function_that_has_an_environment_loses_one_in_turn() {
    let functions = ["get_status", "process_events", "register_event"];
    let carrier = Carrier { control: control().await, ..carrier(&functions, Stoppable::Embedded) };
    let fault = Fault::KillEnvironment { function: None };
    let slow = Fault::SlowTable { delay: Duration::ZERO, lasting: Duration::ZERO };
    for function in ["process_events", "register_event", "process_events", "register_event"] {
        let said = carrier.begin(&fault).await.unwrap();
        assert_eq!(said, format!("killed an environment of {function}, process 7"));
        // What comes between has no turn.
        carrier.begin(&slow).await.unwrap();
    }
}
