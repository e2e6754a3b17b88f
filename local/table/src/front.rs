//! What clients connect to: passes bytes to the server and back, and makes requests wait where the
//! table is to be slow. It does not look into them.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes passed on at a time: nearly every request and answer in one piece.
const PIECE_BYTES: usize = 32 * 1024;

/// How long to wait after a failed accept, which fails again at once while file handles are short.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// By how much requests are delayed, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slowness {
    pub(crate) delay: Duration,
    pub(crate) until: Instant,
}

/// Passes connections to `server` until stopped.
pub(crate) async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    slowness: watch::Receiver<Option<Slowness>>,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((client, _)) => {
                let (slowness, stop) = (slowness.clone(), stop.clone());
                connections.spawn(async move {
                    stop.run_until_cancelled(connect(client, server, slowness)).await
                });
            }
            Err(error) => {
                tracing::warn!(%error, "A connection to the table cannot be accepted");
                sleep(ACCEPT_RETRY).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connect(
    client: TcpStream,
    server: SocketAddr,
    slowness: watch::Receiver<Option<Slowness>>,
) {
    let passed = async {
        let server = TcpStream::connect(server).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let waited = AtomicBool::new(false);
        tokio::try_join!(
            pass(from_client, to_server, Piece::Request(&slowness, &waited)),
            pass(from_server, to_client, Piece::Answer(&waited)),
        )
    };
    if let Err(error) = passed.await {
        tracing::debug!(%error, "A connection to the table broke");
    }
}

/// What a piece is of. A request waits where the table is slow: its first piece, and no further one
/// until the server has answered.
enum Piece<'c> {
    Request(&'c watch::Receiver<Option<Slowness>>, &'c AtomicBool),
    Answer(&'c AtomicBool),
}

impl Piece<'_> {
    async fn wait(&self) {
        match self {
            Self::Request(slowness, waited) => {
                let slow = *slowness.borrow();
                let slow = slow.filter(|slow| Instant::now() < slow.until);
                if let Some(slow) = slow.filter(|_| !waited.swap(true, Ordering::Relaxed)) {
                    sleep(slow.delay).await;
                }
            }
            Self::Answer(waited) => waited.store(false, Ordering::Relaxed),
        }
    }
}

/// Passes bytes on until their end.
async fn pass(from: OwnedReadHalf, mut to: OwnedWriteHalf, next: Piece<'_>) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        from.readable().await?;
        next.wait().await;
        match from.try_read(&mut piece) {
            Ok(0) => return to.shutdown().await,
            Ok(bytes) => to.write_all(&piece[..bytes]).await?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
