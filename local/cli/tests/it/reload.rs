//! Sources that change while a stack runs: what is asked meanwhile is answered, by the old program or
//! by the new one.

use std::fs;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use millrace::{NOTICES_MAX, Notice, Notices, Stack, StackConfig};
use tokio::sync::mpsc;

use crate::function::answering;
use crate::project::{HELLO, Project};

/// A compiler works in between.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(2);

struct Watched {
    project: Project,
    stack: Stack,
    notices: mpsc::Receiver<Notice>,
}

impl Watched {
    async fn start() -> Self {
        let project = Project::new(HELLO).with_package(&answering("one"));
        let (sender, notices) = mpsc::channel(NOTICES_MAX);
        let config = StackConfig {
            watch: true,
            notices: Notices::to(sender, false),
            sources: project.sources(),
            ..StackConfig::new(project.path().join("template.yaml"), project.path().join("data"))
        };
        let stack = tokio::time::timeout(PATIENCE, Stack::start(config)).await;
        let stack = stack.expect("it is built in time").expect("it starts");
        Self { project, stack, notices }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.project.path().join("hello").join(file), text).expect("it is written");
    }

    /// What the function answers; anything but 200 fails the test.
    async fn answer(&self) -> Bytes {
        let url = format!("{}/hello", self.stack.addresses().gateway).parse().expect("a URL");
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let response = client.get(url).await.expect("an answer");
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.expect("a whole body").to_bytes()
    }

    /// The next notice that tells of a build's end, while the function is asked again and again.
    async fn end_of_build(&mut self, allowed: &[&str]) -> Notice {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            let answer = self.answer().await;
            assert!(allowed.iter().any(|allowed| answer == *allowed), "{answer:?}");
            while let Ok(notice) = self.notices.try_recv() {
                if matches!(notice, Notice::BuildFailed(_) | Notice::Replaced(_)) {
                    return notice;
                }
            }
        }
        panic!("no build has ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_built_in_the_background_and_takes_over_without_a_lost_request() {
    let mut watched = Watched::start().await;
    assert_eq!(watched.answer().await, "one");

    watched.write("src/main.rs", &answering("two"));
    let notice = watched.end_of_build(&["one", "two"]).await;
    assert!(matches!(&notice, Notice::Replaced(names) if names == &["Hello"]), "{notice:?}");
    assert_eq!(watched.answer().await, "two");

    watched.write("src/main.rs", "fn main() { does not compile");
    let notice = watched.end_of_build(&["two"]).await;
    assert!(matches!(notice, Notice::BuildFailed(_)), "{notice:?}");
    assert_eq!(watched.answer().await, "two");

    // No source: if it were built, this notice would come before the next.
    watched.write("output.txt", "written by the program");
    watched.write("src/main.rs", &answering("three"));
    let notice = watched.end_of_build(&["two", "three"]).await;
    assert!(matches!(notice, Notice::Replaced(_)), "{notice:?}");
    assert_eq!(watched.answer().await, "three");
    watched.stack.shutdown().await;
}
