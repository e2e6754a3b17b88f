//! Faults on purpose, as clients meet them.

use std::time::Duration;

use broker::{Fault, FaultRule, InjectError};
use rdkafka::producer::FutureRecord;
use rdkafka::types::RDKafkaErrorCode;

use crate::support::{LIMIT, Outgoing, Running, Seen, send, send_all};

fn rule(fault: Fault, api: &str) -> FaultRule {
    FaultRule { api: Some(api.to_owned()), ..FaultRule::new(fault) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_makes_an_idempotent_producer_repeat_and_nothing_is_there_twice() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let lost = FaultRule {
        topic: Some("events".to_owned()),
        times: Some(3),
        ..rule(Fault::LoseAnswer, "Produce")
    };
    running.broker.faults().inject(lost).unwrap();
    let values: Vec<_> = (0..20).map(|n| format!("value {n}")).collect();
    send_all(&running.producer(&[("retry.backoff.ms", "1")]), "events", &values).await;
    assert!(running.broker.faults().active().is_empty(), "met three times");
    let mut seen: Vec<_> = running.read("events", 0, 0, 20).iter().map(Seen::text).collect();
    seen.sort_unstable();
    let mut expected = values;
    expected.sort_unstable();
    assert_eq!(seen, expected);
    let out = Outgoing { value: Some("next"), ..Outgoing::default() };
    assert_eq!(send(&running.producer(&[]), "events", out).await, (0, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_error_is_answered_for_the_topic_and_no_other() {
    let running = Running::with_topics(&[("sick", 1), ("well", 1)]).await;
    let error = Fault::Answer(RDKafkaErrorCode::MessageSizeTooLarge as i16);
    let rule = FaultRule { topic: Some("sick".to_owned()), ..rule(error, "Produce") };
    let id = running.broker.faults().inject(rule).unwrap();
    let producer = running.producer(&[]);
    let record = FutureRecord::<(), _>::to("sick").payload("v").partition(0);
    let (refused, _) = producer.send(record, LIMIT).await.unwrap_err();
    assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::MessageSizeTooLarge));
    let out = Outgoing { partition: Some(0), value: Some("v"), ..Outgoing::default() };
    assert_eq!(send(&running.producer(&[]), "well", out.clone()).await, (0, 0));
    assert!(running.broker.faults().lift(id));
    assert_eq!(send(&running.producer(&[]), "sick", out).await, (0, 0), "it was not appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_broker_answers_when_it_resumes() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let producer = running.producer(&[]);
    let out = Outgoing { value: Some("v"), ..Outgoing::default() };
    send(&producer, "events", out.clone()).await;
    let id = running.broker.faults().inject(rule(Fault::Pause, "Produce")).unwrap();
    let sending = send(&producer, "events", out);
    tokio::pin!(sending);
    while running.broker.faults().active()[0].met == 0 {
        assert!(futures_util::poll!(&mut sending).is_pending());
        tokio::task::yield_now().await;
    }
    assert!(futures_util::poll!(&mut sending).is_pending());
    running.broker.faults().lift(id);
    assert_eq!(sending.await, (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_and_dropped_connections_are_made_again() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let faults = running.broker.faults();
    faults.inject(FaultRule { times: Some(2), ..FaultRule::new(Fault::Refuse) }).unwrap();
    faults.inject(FaultRule { times: Some(2), ..FaultRule::new(Fault::Drop) }).unwrap();
    faults.inject(rule(Fault::Delay(Duration::from_millis(5)), "Produce")).unwrap();
    let out = Outgoing { value: Some("v"), ..Outgoing::default() };
    assert_eq!(send(&running.producer(&[]), "events", out).await, (0, 0));
    let active = faults.active();
    assert_eq!(active.len(), 1, "only the delay is left: {active:?}");
    assert!(active[0].met >= 1);
    assert_eq!(faults.clear(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_nothing_can_meet_is_refused() {
    let running = Running::with_topics(&[]).await;
    let refused = running.broker.faults().inject(rule(Fault::Drop, "Consume"));
    assert_eq!(refused, Err(InjectError::UnknownApi { api: "Consume".to_owned() }));
}
