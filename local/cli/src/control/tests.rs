//! The endpoint and its client over a real connection, with a stack that answers from a script.

use broker::{ActiveFault, Fault, FaultRule};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::client::{ControlClient, ControlError};
use super::*;
use crate::status::MappingDetail;

struct Fixture {
    control: Control,
    client: ControlClient,
    address: std::net::SocketAddr,
    stop: CancellationToken,
}

fn mapping() -> MappingDetail {
    MappingDetail { lag: Some(3), ..MappingDetail::example("m-1", "process_events") }
}

fn status() -> Status {
    Status {
        gateway: "http://127.0.0.1:3000".to_owned(),
        lambda: "http://127.0.0.1:9000".to_owned(),
        kafka: "127.0.0.1:9092".to_owned(),
        table: "http://127.0.0.1:8000".to_owned(),
        control: "http://127.0.0.1:1".to_owned(),
        kafka_embedded: true,
        functions: Vec::new(),
        mappings: vec![mapping().into()],
    }
}

fn reply(request: Request) {
    match request {
        Request::Status(reply) => reply.send(status()).unwrap(),
        Request::Mappings(reply) => reply.send(Mappings { mappings: vec![mapping()] }).unwrap(),
        Request::Pause(id, reply) | Request::Resume(id, reply) => reply.send(id == "m-1").unwrap(),
        Request::KillEnvironment(function, reply) => {
            reply.send((function == "process_events").then_some(7)).unwrap();
        }
        Request::MoveApart(_, reply) | Request::KillPoller(_, reply) => {
            reply.send(Err(Refusal::NoProcess)).unwrap();
        }
        Request::StopKafka(down, reply) => {
            reply.send(if down.is_zero() { Err(Refusal::KafkaElsewhere) } else { Ok(()) }).unwrap();
        }
        Request::StartKafka(reply) => reply.send(Ok(())).unwrap(),
        Request::BreakKafka(rule, reply) => {
            reply.send(if rule == broken() { Ok(9) } else { Err(Refusal::NoApi) }).unwrap();
        }
        Request::KafkaFaults(reply) => {
            reply.send(Ok(vec![ActiveFault { id: 9, rule: broken(), met: 1 }])).unwrap();
        }
        Request::MendKafka(id, reply) => reply.send(Ok(usize::from(id == Some(9)))).unwrap(),
        Request::SlowTable { reply, .. } => reply.send(()).unwrap(),
    }
}

fn broken() -> FaultRule {
    let text = |text: &str| Some(text.to_owned());
    let (api, topic, client_id) = (text("Produce"), text("events"), text("c"));
    FaultRule { api, topic, client_id, times: Some(2), ..FaultRule::new(Fault::LoseAnswer) }
}

async fn start() -> Fixture {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (requests, mut inbox) = mpsc::channel(REQUESTS_MAX);
    let stop = CancellationToken::new();
    let control = Control::start(listener, requests, stop.clone());
    control.tasks.spawn(async move {
        while let Some(request) = inbox.recv().await {
            reply(request);
        }
    });
    let client = ControlClient::new(format!("http://{address}"));
    Fixture { control, client, address, stop }
}

async fn raw(address: std::net::SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn status_and_mappings_arrive_as_they_were_told() {
    let fixture = start().await;
    assert_eq!(fixture.client.status().await.unwrap(), status());
    assert_eq!(fixture.client.mappings().await.unwrap().mappings, [mapping()]);
}

#[tokio::test]
async fn pause_and_resume_name_a_mapping_that_exists() {
    let fixture = start().await;
    fixture.client.pause("m-1").await.unwrap();
    fixture.client.resume("m-1").await.unwrap();
    let error = fixture.client.pause("m-2").await.unwrap_err();
    assert!(matches!(error, ControlError::Refused { .. }));
    assert_eq!(error.to_string(), "there is no such mapping");
}

#[tokio::test]
async fn killing_an_environment_tells_which_process_died() {
    let fixture = start().await;
    let call = |function: &str| {
        format!("POST /functions/{function}/kill-environment HTTP/1.1\r\nHost: localhost\r\n\r\n")
    };
    let answer = raw(fixture.address, &call("process_events")).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(r#"{"pid":7}"#), "{answer}");
    let answer = raw(fixture.address, &call("get_status")).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn a_fault_of_the_broker_arrives_with_all_that_it_says() {
    let fixture = start().await;
    assert_eq!(fixture.client.break_kafka(&broken()).await.unwrap(), 9);
    let error = fixture.client.break_kafka(&FaultRule::new(Fault::Drop)).await.unwrap_err();
    assert!(error.to_string().contains("no request of that name"), "{error}");
    let faults = fixture.client.kafka_faults().await.unwrap().faults;
    assert_eq!((faults[0].fault.as_str(), faults[0].met), ("lose-answer", 1));
    assert_eq!(fixture.client.mend_kafka(Some(9)).await.unwrap(), 1);
    assert_eq!(fixture.client.mend_kafka(None).await.unwrap(), 0);
}

#[tokio::test]
async fn a_fault_is_carried_out_or_refused_with_its_reason() {
    let fixture = start().await;
    let (second, none) = (Duration::from_secs(1), Duration::ZERO);
    fixture.client.stop_kafka(second).await.unwrap();
    fixture.client.start_kafka().await.unwrap();
    fixture.client.slow_table(second, second).await.unwrap();
    let error = fixture.client.stop_kafka(none).await.unwrap_err();
    assert!(error.to_string().contains("a Kafka that runs elsewhere"), "{error}");
    let error = fixture.client.kill_poller("m-1").await.unwrap_err();
    assert!(error.to_string().contains("a process of its own"), "{error}");
}

#[tokio::test]
async fn shutting_down_asks_the_owner_to_stop() {
    let fixture = start().await;
    fixture.client.shut_down().await.unwrap();
    fixture.stop.cancelled().await;
}

#[tokio::test]
async fn a_rebound_name_cannot_shut_down() {
    let fixture = start().await;
    let answer =
        raw(fixture.address, "POST /shutdown HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(!fixture.stop.is_cancelled());
}

#[tokio::test]
async fn nobody_answers_after_the_shutdown() {
    let Fixture { control, client, address, stop: _ } = start().await;
    let idle = TcpStream::connect(address).await.unwrap();
    control.accepting.cancel();
    control.tasks.close();
    drop(idle);
    let error = client.status().await.unwrap_err();
    assert!(matches!(error, ControlError::Unreachable { .. }), "{error}");
}
