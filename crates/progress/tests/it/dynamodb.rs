//! The protocol through the AWS SDK, on a DynamoDB API served in this process.

use std::convert::Infallible;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use progress::{
    Connection, Counts, Edge, Entry, Judged, Ledger, Position, Process, Status, Verdict, connect,
    store::DynamoDb,
};
use test_table::{TABLE, TestTable};

use crate::support::{Judge, POLICY, body, consumer, entries, later, partition, status, stream};

fn ledger(table: &TestTable) -> Ledger<DynamoDb> {
    Ledger::new(table.store(), POLICY, Edge::system())
}

/// The tests' judge with real writes as effects: one item for each record, which must be new.
struct Writing(Judge);

impl Process<TransactWriteItem> for Writing {
    type Failure = Infallible;

    async fn process(
        &self,
        indexes: &[usize],
    ) -> Result<Judged<'_, TransactWriteItem>, Infallible> {
        let verdicts: Vec<_> = indexes.iter().map(|index| self.0.verdict(*index)).collect();
        let effects = indexes
            .iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| matches!(verdict, Verdict::Applied(_)))
            .map(|(index, _)| effect(self.0.entries[*index].offset))
            .collect();
        Ok(Judged { verdicts, effects })
    }

    async fn give_up(&self, _: usize, _: &str) -> Result<Vec<TransactWriteItem>, Infallible> {
        Ok(Vec::new())
    }
}

fn effect(offset: i64) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(TABLE)
        .item("pk", AttributeValue::S(format!("effect/{offset}")))
        .item("sk", AttributeValue::S("-".into()))
        .condition_expression("attribute_not_exists(pk)")
        .build();
    TransactWriteItem::builder().put(put.expect("it has a table and an item")).build()
}

async fn apply(ledger: &Ledger<DynamoDb>, slice: &[Entry], judge: Judge) -> Counts {
    let report = ledger.apply(&partition(), slice, &Writing(judge), later()).await;
    if let Some(stop) = report.stop {
        panic!("stopped at {}: {:?}", stop.offset, stop.error);
    }
    report.counts
}

#[tokio::test]
async fn a_slice_is_applied_archived_and_found_again() {
    let table = TestTable::start().await;
    let ledger = ledger(&table);
    let slice = entries(0..20);
    let judge = || Judge { skipped: [3].into(), failed: [4].into(), ..Judge::of(&slice) };
    let counts = apply(&ledger, &slice, judge()).await;
    assert_eq!(counts, Counts { applied: 18, failed: 1, skipped: 1, already: 0 });
    assert_eq!(apply(&ledger, &slice, judge()).await.already, 20);
    assert!(matches!(status(&ledger, 0).await, Status::Processed { .. }));
    assert!(matches!(status(&ledger, 3).await, Status::Skipped { .. }));
    assert!(
        matches!(status(&ledger, 4).await, Status::Failed { reason, .. } if reason == "wrong 4")
    );
    assert_eq!(status(&ledger, 20).await, Status::Pending);
    let mut history = ledger.history(&consumer(), &stream(), 0, Position::default()).await.unwrap();
    let page = history.next_page().await.unwrap().unwrap();
    let bodies = ledger.bodies(&page[0]).await.unwrap();
    assert_eq!((bodies.len(), &bodies[0].body), (18, &body(0)));
    table.stop().await;
}

#[tokio::test]
async fn a_body_larger_than_an_item_comes_back_whole() {
    let table = TestTable::start().await;
    let ledger = ledger(&table);
    let slice = entries(0..1);
    let mut random = fastrand::Rng::with_seed(1);
    let large: Vec<u8> = (0..900 * 1024).map(|_| random.u8(..)).collect();
    let judge = Judge { bodies: vec![large.clone()], ..Judge::of(&slice) };
    apply(&ledger, &slice, judge).await;
    let mut history = ledger.history(&consumer(), &stream(), 0, Position::default()).await.unwrap();
    let page = history.next_page().await.unwrap().unwrap();
    assert_eq!(page[0].blocks[0].parts, 3);
    assert_eq!(ledger.bodies(&page[0]).await.unwrap()[0].body, large);
    table.stop().await;
}

#[tokio::test]
async fn two_consumers_at_once_apply_each_record_once() {
    let table = TestTable::start().await;
    let (one, other) = (ledger(&table), ledger(&table));
    for start in (0..40).step_by(10) {
        let (a, b) = (entries(start..start + 10), entries((start - 5).max(0)..start + 7));
        // Each effect must be new, so a second application would never commit.
        let (first, second) =
            tokio::join!(apply(&one, &a, Judge::of(&a)), apply(&other, &b, Judge::of(&b)));
        assert_eq!(first.applied + second.applied, 10);
    }
    table.stop().await;
}

#[tokio::test]
async fn a_table_that_is_gone_is_an_error_and_no_panic() {
    let table = TestTable::start().await;
    let connection = Connection::Local {
        endpoint: format!("http://{}", table.address()),
        region: "us-east-1".into(),
    };
    let missing = DynamoDb::new(connect(&connection).await, "missing");
    let ledger = Ledger::new(missing, POLICY, Edge::system());
    let slice = entries(0..1);
    let report = ledger.apply(&partition(), &slice, &Writing(Judge::of(&slice)), later()).await;
    let error = report.stop.unwrap().error;
    assert_eq!(error.to_string(), "failed to reach the table");
    table.stop().await;
}
