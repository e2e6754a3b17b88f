//! A table in memory behind DynamoDB's HTTP API, for tests: the real client and real conditions, without a file.

use std::{net::SocketAddr, time::Duration};

use progress::{Connection, connect, store::DynamoDb};
use serde_json::json;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The table's name.
pub const TABLE: &str = "millrace";

/// How long the server may take to stop.
const STOP: Duration = Duration::from_secs(30);

/// A table with the keys `pk` and `sk`, for one test.
#[derive(Debug)]
pub struct TestTable {
    address: SocketAddr,
    store: DynamoDb,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl TestTable {
    /// Starts an empty table.
    pub async fn start() -> Self {
        let database = dynoxide::Database::memory().expect("memory is there");
        let request = json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"}
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"}
            ]
        });
        let request = serde_json::from_value(request).expect("the request is well formed");
        database.create_table(request).expect("the table is new");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(dynoxide::server::serve_with_shutdown(listener, database, stopped));
        tasks.close();
        let connection =
            Connection::Local { endpoint: format!("http://{address}"), region: "us-east-1".into() };
        let store = DynamoDb::new(connect(&connection).await, TABLE);
        Self { address, store, stop, tasks }
    }

    /// The table as consumers use it.
    pub fn store(&self) -> DynamoDb {
        self.store.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it, once every other user of its client is gone.
    pub async fn stop(self) {
        let Self { store, stop, tasks, .. } = self;
        drop(store);
        stop.cancel();
        timeout(STOP, tasks.wait()).await.expect("the server stops");
    }
}
