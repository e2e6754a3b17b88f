//! The ways to be wrong: an `Invoke` that passes batches on to the real function, except for one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use event::Stream;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use invoke::{Client, Invoke, InvokeError, Outcome};
use millrace::RunFile;
use progress::{Connection, Consumer};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// So many records are delivered before the one that is wronged: it is one in ten thousand.
const BEFORE_THE_VICTIM: usize = 9_000;

/// So many records are delivered before the batch that meets a crash.
const BEFORE_THE_CRASH: usize = 5_000;

/// So many records are delivered in good order first: without a history, a function refuses what comes
/// late, since it may have been applied.
const BEFORE_THE_HASTE: usize = 1_000;

/// Between two tries of a call that was not taken, for want of an environment.
const AGAIN: Duration = Duration::from_millis(20);

/// What is wrong with a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Nothing.
    None,
    /// It reports success, and so commits, before the function has answered; one batch meets a
    /// function that dies.
    CommitsEarly,
    /// It leaves a record out of its batch.
    DropsOne,
    /// It delivers a record again, to a function that forgot how far it was.
    RepeatsOne,
}

/// The mapping's way to the function.
#[derive(Debug)]
pub(crate) struct Saboteur {
    sabotage: Sabotage,
    client: Client,
    begun: AtomicUsize,
    done: AtomicBool,
    delivered: watch::Sender<usize>,
    wronged: Mutex<Vec<String>>,
    /// Calls whose success was reported before they were made.
    late: TaskTracker,
    table: aws_sdk_dynamodb::Client,
    table_name: String,
    stream: Stream,
}

/// A record within its batch.
struct Victim {
    key: String,
    index: usize,
}

impl Saboteur {
    pub(crate) async fn new(
        sabotage: Sabotage,
        client: Client,
        run: &RunFile,
        topic: &str,
    ) -> Self {
        let plan = run.plan().expect("the template is readable");
        let function = plan.functions.iter().find(|function| function.name == "process_events");
        let variables = &function.expect("it is there").environment;
        let connection =
            Connection::Local { endpoint: run.table.clone(), region: "us-east-1".to_owned() };
        Self {
            sabotage,
            client,
            begun: AtomicUsize::new(0),
            done: AtomicBool::new(false),
            delivered: watch::channel(0).0,
            wronged: Mutex::default(),
            late: TaskTracker::new(),
            table: progress::connect(&connection).await,
            table_name: variables["TABLE_NAME"].clone(),
            stream: Stream { cluster: run.cluster_arn.clone(), topic: topic.to_owned(), epoch: 1 },
        }
    }

    /// Waits until so many records were delivered.
    pub(crate) async fn delivered(&self, records: usize) {
        let mut delivered = self.delivered.subscribe();
        delivered.wait_for(|count| *count >= records).await.expect("the sender is ours");
    }

    /// Ends what is under way; the ids of the records wronged.
    pub(crate) async fn wronged(&self) -> Vec<String> {
        self.late.close();
        self.late.wait().await;
        self.wronged.lock().expect("no test panics with it").clone()
    }

    async fn deliver(&self, function: &str, payload: Bytes) -> Result<Outcome, InvokeError> {
        let mut event: Value = serde_json::from_slice(&payload).expect("an event is JSON");
        let records = records(&event);
        let before = self.begun.fetch_add(records, Ordering::Relaxed);
        let outcome = match self.sabotage {
            Sabotage::CommitsEarly if before >= BEFORE_THE_HASTE => {
                if before >= BEFORE_THE_CRASH && self.first() {
                    self.wrong(all(&event));
                } else {
                    let (client, function) = (self.client.clone(), function.to_owned());
                    self.late.spawn(async move { insist(&client, &function, payload).await });
                }
                Ok(Outcome::Succeeded(Bytes::from_static(b"null")))
            }
            Sabotage::DropsOne if before >= BEFORE_THE_VICTIM && self.first() => {
                let victim = victim(&event);
                let dropped = slice(&mut event, &victim.key).remove(victim.index);
                self.wrong(vec![load_id(&dropped)]);
                Ok(insist(&self.client, function, text(&event)).await)
            }
            Sabotage::RepeatsOne
                if before >= BEFORE_THE_VICTIM && longest(&event) > 1 && self.first() =>
            {
                let victim = victim(&event);
                let outcome = insist(&self.client, function, payload).await;
                let repeated = slice(&mut event, &victim.key)[victim.index].clone();
                self.wrong(vec![load_id(&repeated)]);
                self.forget_from(&repeated).await;
                event["records"] = json!({ victim.key: [repeated] });
                insist(&self.client, function, text(&event)).await;
                Ok(outcome)
            }
            Sabotage::None | Sabotage::CommitsEarly | Sabotage::DropsOne | Sabotage::RepeatsOne => {
                self.client.invoke(function, payload, None).await
            }
        };
        if matches!(outcome, Ok(Outcome::Succeeded(_))) {
            self.delivered.send_modify(|count| *count += records);
        }
        outcome
    }

    /// Whether nothing was wronged yet.
    fn first(&self) -> bool {
        !self.done.swap(true, Ordering::Relaxed)
    }

    fn wrong(&self, ids: Vec<String>) {
        self.wronged.lock().expect("no test panics with it").extend(ids);
    }

    /// Moves the function's fence back to a record, as if it had never been applied.
    async fn forget_from(&self, record: &Value) {
        let partition = record["partition"].as_i64().and_then(|number| number.try_into().ok());
        let partition = partition.expect("a partition");
        let key = Consumer::new("process_events").partition(&self.stream, partition);
        let update = self.table.update_item().table_name(&self.table_name);
        let update = update
            .key("pk", AttributeValue::S(key.to_string()))
            .key("sk", AttributeValue::S("fence".to_owned()))
            .update_expression("SET #next = :offset")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(
                ":offset",
                AttributeValue::N(record["offset"].to_string()),
            );
        update.send().await.expect("the function has a fence");
    }
}

impl Invoke for Saboteur {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
        _trace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Outcome, InvokeError>> {
        self.deliver(function, payload).boxed()
    }
}

/// Invokes until the function succeeds: nothing but the one wrong shall go wrong.
async fn insist(client: &Client, function: &str, payload: Bytes) -> Outcome {
    loop {
        match client.invoke(function, payload.clone(), None).await {
            Ok(succeeded @ Outcome::Succeeded(_)) => return succeeded,
            Ok(Outcome::FunctionError(_)) | Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

fn slices(event: &Value) -> impl Iterator<Item = (&String, &Vec<Value>)> {
    let slices = event["records"].as_object().expect("records by partition");
    slices.iter().map(|(key, records)| (key, records.as_array().expect("a list of records")))
}

fn slice<'e>(event: &'e mut Value, key: &str) -> &'e mut Vec<Value> {
    event["records"][key].as_array_mut().expect("a list of records")
}

fn records(event: &Value) -> usize {
    slices(event).map(|(_, records)| records.len()).sum()
}

fn all(event: &Value) -> Vec<String> {
    slices(event).flat_map(|(_, records)| records.iter().map(load_id)).collect()
}

fn longest(event: &Value) -> usize {
    slices(event).map(|(_, records)| records.len()).max().unwrap_or(0)
}

/// The last record of the longest slice: not its first, unless it is alone.
fn victim(event: &Value) -> Victim {
    let longest = slices(event).max_by_key(|(_, records)| records.len());
    let (key, records) = longest.expect("an event has a record");
    Victim { key: key.clone(), index: records.len() - 1 }
}

fn text(event: &Value) -> Bytes {
    Bytes::from(serde_json::to_vec(event).expect("JSON stays JSON"))
}

fn load_id(record: &Value) -> String {
    let value = record["value"].as_str().expect("an event has a value");
    let body = STANDARD.decode(value).expect("base64");
    let body: Value = serde_json::from_slice(&body).expect("an event is JSON");
    body["load_id"].as_str().expect("an event of a load").to_owned()
}
