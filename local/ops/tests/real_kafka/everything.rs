//! The end-to-end tests, on real Kafka.

use std::process::Command;

use millrace::CARGO_RUN_VARIABLES;

use crate::cloud::{UP_ARGUMENTS, everywhere, root, text};
use crate::kafka::Mine;

#[tokio::test]
async fn all_that_works_on_the_embedded_broker_works_on_kafka() {
    let kafka = Mine::take().await;
    let mut tests = Command::new(env!("CARGO"));
    for name in CARGO_RUN_VARIABLES {
        tests.env_remove(name);
    }
    let tests = tests
        .args(["test", "--test", "e2e"])
        .env(UP_ARGUMENTS, format!("{} --kafka {}", everywhere(), kafka.address()))
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(tests.status.success(), "{}", text(&tests));
}
