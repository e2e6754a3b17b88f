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

/// By how much requests are delayed, and until when: of those that overlap the longest delay counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slowness {
    /// Each has a shorter delay and a later end than the one before.
    steps: Vec<(Duration, Instant)>,
}

impl Slowness {
    /// Delays by `delay` as well, from now on; a delay of zero ends all of them.
    pub(crate) fn add(&mut self, now: Instant, delay: Duration, lasting: Duration) {
        self.steps.retain(|(_, until)| now < *until);
        if delay.is_zero() {
            return self.steps.clear();
        }
        let until = now + lasting;
        if self.steps.iter().any(|(longer, later)| *longer >= delay && *later >= until) {
            return;
        }
        self.steps.retain(|(longer, later)| *longer > delay || *later > until);
        let place = self.steps.partition_point(|(longer, _)| *longer > delay);
        self.steps.insert(place, (delay, until));
    }

    fn delay(&self, now: Instant) -> Option<Duration> {
        self.steps.iter().find(|(_, until)| now < *until).map(|(delay, _)| *delay)
    }
}

/// Passes connections to `server` until stopped.
pub(crate) async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    slowness: watch::Receiver<Slowness>,
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

async fn connect(client: TcpStream, server: SocketAddr, slowness: watch::Receiver<Slowness>) {
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
    Request(&'c watch::Receiver<Slowness>, &'c AtomicBool),
    Answer(&'c AtomicBool),
}

impl Piece<'_> {
    async fn wait(&self) {
        match self {
            Self::Request(slowness, waited) => {
                let delay = slowness.borrow().delay(Instant::now());
                if let Some(delay) = delay.filter(|_| !waited.swap(true, Ordering::Relaxed)) {
                    sleep(delay).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_slownesses_that_overlap_the_longest_delay_counts() {
        let start = Instant::now();
        let (ms, at) = (Duration::from_millis, |s| start + Duration::from_secs(s));
        let mut slowness = Slowness::default();
        for (delay, seconds) in [(200, 10), (500, 2), (100, 5), (300, 4), (300, 3)] {
            slowness.add(start, ms(delay), Duration::from_secs(seconds));
        }
        let delays = [0, 1, 2, 3, 4, 9, 10].map(|s| slowness.delay(at(s)));
        let expected = [Some(500), Some(500), Some(300), Some(300), Some(200), Some(200), None];
        assert_eq!(delays, expected.map(|delay| delay.map(ms)));
        slowness.add(start, Duration::ZERO, Duration::ZERO);
        assert_eq!(slowness.delay(at(1)), None);
    }

    #[test]
    fn what_is_over_or_covered_by_another_one_is_not_kept() {
        let start = Instant::now();
        let mut slowness = Slowness::default();
        for second in 0..1_000 {
            let (now, delay) = (start + Duration::from_secs(second), 1_000 - second);
            slowness.add(now, Duration::from_millis(delay), Duration::from_millis(1_500));
            assert!(slowness.steps.len() <= 2, "{slowness:?}");
        }
        slowness.add(start, Duration::from_secs(9), Duration::from_hours(1));
        assert_eq!(slowness.steps.len(), 1);
    }
}
