//! The grammar of faults: what is read, and what is said about the rest.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[track_caller]
fn refuses(text: &str, said: &str) {
    let error = text.parse::<FaultSpec>().unwrap_err().to_string();
    assert!(error.contains(said), "{error}");
    assert!(error.starts_with('`'), "{error}");
}

#[test]
fn every_kind_of_fault_is_read() {
    let text = "kill-environment@5s,kill-environment:process_events@1.5s,kill-poller@15s,\
                stop-broker@10s:3s,slow-table@20s:200ms:5s,poison=0.1%";
    let spec: FaultSpec = text.parse().unwrap();
    let kill =
        |function: Option<&str>| Fault::KillEnvironment { function: function.map(str::to_owned) };
    let expected = [
        (5 * SECOND, kill(None)),
        (Duration::from_millis(1_500), kill(Some("process_events"))),
        (15 * SECOND, Fault::KillPoller { function: None }),
        (10 * SECOND, Fault::StopBroker { down: 3 * SECOND }),
        (20 * SECOND, Fault::SlowTable { delay: Duration::from_millis(200), lasting: 5 * SECOND }),
    ];
    assert_eq!(spec.timed, expected.map(|(at, fault)| Timed { at, fault }));
    assert_eq!(spec.poison, Some(Share::per_million(1_000)));
}

#[test]
fn what_is_left_out_has_a_default() {
    let spec: FaultSpec = "stop-broker@1m,slow-table@1s:50ms".parse().unwrap();
    assert_eq!(spec.timed[0].at, Duration::from_mins(1));
    assert_eq!(spec.timed[0].fault, Fault::StopBroker { down: DOWN_DEFAULT });
    let slow = Fault::SlowTable { delay: Duration::from_millis(50), lasting: SLOW_DEFAULT };
    assert_eq!(spec.timed[1].fault, slow);
}

#[test]
fn the_piece_that_makes_no_sense_is_named_with_what_would() {
    refuses("kill-poller@1s,reboot@5s", "`reboot@5s`: there is no such fault; write kill-");
    refuses("kill-poller", "`kill-poller`: it does not say when; write `kill-poller@15s`");
    refuses("kill-poller@15", "`kill-poller@15`: `15` is no time up to an hour");
    refuses("stop-broker@10s:soon", "`soon` is no time");
    refuses("stop-broker@2h", "`2h` is no time");
    refuses("stop-broker@61m", "`61m` is no time");
    refuses("stop-broker@10s:3s:4s", "it does not fit; write `stop-broker@10s:3s`");
    refuses("stop-broker:events@10s", "it does not fit; write `stop-broker@10s:3s`");
    refuses("slow-table@20s", "it does not fit; write `slow-table@20s:200ms:5s`");
    refuses("", "there is no such fault");
    for share in ["0", "101%", "-1%", "much", "nan", "1.5"] {
        refuses(&format!("poison={share}"), "is no share above 0 and up to 100%");
    }
}

#[test]
fn a_fault_at_once_is_written_without_a_time() {
    let named = Fault::KillEnvironment { function: Some("register_event".to_owned()) };
    assert_eq!(Fault::at_once("kill-environment:register_event"), Ok(named));
    assert_eq!(Fault::at_once("kill-poller"), Ok(Fault::KillPoller { function: None }));
    assert_eq!(Fault::at_once("stop-broker:2s"), Ok(Fault::StopBroker { down: 2 * SECOND }));
    let error = Fault::at_once("stop-broker@5s:3s").unwrap_err().to_string();
    assert_eq!(error, "`stop-broker@5s:3s`: it has no time of its own; write `stop-broker:3s`");
    assert!(Fault::at_once("poison=1%").is_err());
}

#[test]
fn faults_are_written_as_they_are_read() {
    for text in [
        "kill-environment@5s",
        "kill-environment:process_events@1.5s",
        "kill-poller:process_events@15.25s",
        "stop-broker@10s:3s",
        "slow-table@20s:200ms:5s",
    ] {
        assert_eq!(text.parse::<Timed>().unwrap().to_string(), text);
    }
    for text in ["kill-environment:process_events", "stop-broker:500ms", "slow-table:200ms:5s"] {
        assert_eq!(Fault::at_once(text).unwrap().to_string(), text);
    }
    assert_eq!(Share::per_million(1_000).to_string(), "0.1%");
}

#[test]
fn a_share_is_rounded_down() {
    let share: Share = "0.1%".parse().unwrap();
    assert_eq!((share.of(999), share.of(1_000), share.of(10_000_000)), (0, 1, 10_000));
    assert_eq!("100%".parse::<Share>().unwrap().of(7), 7);
}
