//! The running server: its thread, its start and its stop.
//!
//! It has a runtime of its own, because every request waits for SQLite where it runs: on a shared runtime a few writers
//! would hold up everybody else. That runtime has one thread: one request at a time touches the file anyway, and on
//! its way between client, front and server it then wakes nobody.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use dynoxide::Database;
use dynoxide::errors::DynoxideError;
use dynoxide::server::serve_with_shutdown;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::front::{self, Slowness};
use crate::schema::{TableConfig, ensure};

/// How often expired items are removed. DynamoDB itself promises only "within a few days":
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// How long a stop waits for requests under way; each takes milliseconds, but a client that sends
/// half a request could hold it for ever.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Why the table did not start.
#[derive(Debug, thiserror::Error)]
pub enum TableStartError {
    /// The path is not UTF-8, which SQLite's file names must be here.
    #[error("the path `{}` is not UTF-8", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// The file cannot be opened, or is not one of ours.
    #[error("failed to open the table file `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: DynoxideError,
    },
    /// A table's description is not a valid `CreateTable` call.
    #[error("a table's description is not a valid `CreateTable` call")]
    Invalid {
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The table exists with other keys or attributes.
    #[error(
        "table `{table}` exists with another key schema or other attribute definitions; start \
         with `--fresh` to begin empty"
    )]
    Differs {
        /// The table's name.
        table: String,
    },
    /// The table cannot be made or looked at.
    #[error("failed to set up table `{table}`")]
    Table {
        /// The table's name.
        table: String,
        /// What DynamoDB would say.
        #[source]
        source: DynoxideError,
    },
    /// The operating system refused the server's thread or runtime.
    #[error("failed to start the table's server")]
    Server {
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// A running DynamoDB endpoint. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Table {
    stop: DropGuard,
    slowness: watch::Sender<Slowness>,
    /// Resolves when the server has stopped and the file is closed.
    stopped: oneshot::Receiver<()>,
}

impl Table {
    /// Opens or makes the SQLite file at `path`, whose folder exists, makes the tables that are
    /// missing, and serves DynamoDB's HTTP API on `listener`, on a thread of its own.
    pub fn start(
        listener: TcpListener,
        path: &Path,
        tables: &[TableConfig],
    ) -> Result<Self, TableStartError> {
        let name = path.to_str().ok_or_else(|| TableStartError::Path { path: path.to_owned() })?;
        let database = Database::new(name)
            .map_err(|source| TableStartError::Open { path: path.to_owned(), source })?;
        // The only way to SQLite's `synchronous=NORMAL` that the crate has. Without it each
        // transaction waits for the disk: measured 200/s in place of 1,000/s.
        database
            .disable_bulk_loading()
            .map_err(|source| TableStartError::Open { path: path.to_owned(), source })?;
        for table in tables {
            ensure(&database, table)?;
        }
        let server = |source| TableStartError::Server { source };
        let listener = listener.into_std().map_err(server)?;
        // Only the front knows this port.
        let inner = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(server)?;
        inner.set_nonblocking(true).map_err(server)?;
        let listeners = Listeners { front: listener, server: inner };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(server)?;
        let token = CancellationToken::new();
        let (ended, stopped) = oneshot::channel();
        let stop = token.clone().drop_guard();
        let (slowness, slow) = watch::channel(Slowness::default());
        thread::Builder::new()
            .name("table".to_owned())
            .spawn(move || {
                if let Err(error) = runtime.block_on(run(listeners, &database, slow, token)) {
                    tracing::error!(%error, "The table cannot listen");
                }
                drop(database);
                runtime.shutdown_timeout(STOP_MAX);
                // Nobody may be waiting.
                let _ = ended.send(());
            })
            .map_err(server)?;
        Ok(Self { stop, slowness, stopped })
    }

    /// Makes every request wait for `delay` before it is served, until `lasting` has passed: how
    /// clients meet a table under strain. Of several the longest delay counts; zero ends them all.
    pub fn slow_down(&self, delay: Duration, lasting: Duration) {
        self.slowness.send_modify(|slowness| slowness.add(Instant::now(), delay, lasting));
    }

    /// Stops accepting, lets requests under way finish within a bound, and closes the file.
    pub async fn shutdown(self) {
        let Self { stop, slowness: _, stopped } = self;
        drop(stop);
        // An error means that the thread is gone, which is what we wait for.
        if timeout(STOP_MAX * 2, stopped).await.is_err() {
            tracing::warn!("The table takes its time to stop; leaving it behind");
        }
    }
}

/// Where clients connect, and where the front does.
struct Listeners {
    front: std::net::TcpListener,
    server: std::net::TcpListener,
}

/// Serves until stopped: what clients connect to ends after the server, so that answers reach them.
async fn run(
    listeners: Listeners,
    database: &Database,
    slowness: watch::Receiver<Slowness>,
    stop: CancellationToken,
) -> io::Result<()> {
    let address = listeners.server.local_addr()?;
    let server = TcpListener::from_std(listeners.server)?;
    let front_stop = CancellationToken::new();
    let front = TcpListener::from_std(listeners.front)?;
    let front = front::serve(front, address, slowness, front_stop.clone());
    let served = async {
        serve(server, database, &stop).await;
        front_stop.cancel();
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(served, front) } => {}
        () = sweep(database) => {}
    }
    Ok(())
}

async fn serve(listener: TcpListener, database: &Database, stop: &CancellationToken) {
    let asked = stop.clone().cancelled_owned();
    let serving = serve_with_shutdown(listener, database.clone(), asked);
    tokio::pin!(serving);
    let result = tokio::select! {
        result = &mut serving => result,
        () = stop.cancelled() => match timeout(STOP_MAX, serving).await {
            Ok(result) => result,
            Err(_elapsed) => Err("requests under way were cut off".to_owned()),
        },
    };
    if let Err(problem) = result {
        tracing::warn!(problem, "The table's server did not end well");
    }
}

/// Removes expired items now and then, for ever.
async fn sweep(database: &Database) {
    let mut interval = interval_at(Instant::now() + SWEEP_EVERY, SWEEP_EVERY);
    loop {
        interval.tick().await;
        let database = database.clone();
        // Beside the requests: it lets them go first between its pages.
        match spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(items)) => tracing::debug!(items, "Removed expired items"),
            Ok(Err(error)) => tracing::warn!(%error, "Failed to remove expired items"),
            Err(error) => tracing::error!(%error, "The removal of expired items failed"),
        }
    }
}
