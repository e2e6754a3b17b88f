//! What a plan needs, and what a fault that fails means.

use super::*;
use crate::faults::carrier;

fn share(text: &str) -> Option<Share> {
    text.parse::<FaultSpec>().unwrap().poison
}

#[test]
fn poison_needs_a_topic_and_chaos_does_without() {
    let topics = ["events".to_owned()];
    let asked = share("poison=1%");
    assert!(matches!(poison(asked, false, &[]), Err(CarryError::NoTopics)));
    assert_eq!(poison(None, true, &[]).unwrap(), None);
    assert_eq!(poison(None, false, &topics).unwrap(), None);
    assert_eq!(poison(None, true, &topics).unwrap(), Some(Chaos::poison()));
    assert_eq!(poison(asked, true, &topics).unwrap(), asked);
}

#[tokio::test]
async fn a_fault_that_is_not_carried_out_is_an_error_in_the_end() {
    let asked: FaultSpec = "kill-environment@0s".parse().unwrap();
    let prepared = Prepared {
        carrier: Arc::new(carrier::tests::unreachable()),
        schedule: Schedule::new(asked.timed, None),
        chaos: None,
        poison: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let (run, tell) = ("0000beef".parse().unwrap(), Arc::new(|_: &Carried| {}));
    let running = prepared.start(run, folder.path().to_owned(), tell).await.unwrap();
    let (report, done) = running.finish().await;
    assert!(matches!(done, Err(CarryError::Undone { failed: 1, all: 1 })), "{done:?}");
    assert!(report.faults[0].failed && report.faults[0].did.starts_with("failed: "), "{report:?}");
}
