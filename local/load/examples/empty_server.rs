//! The server that generators are compared on: answers every request with the same 202, as cheaply
//! as it can, on one thread; requests for `…/refuse` with 404. It reads just enough HTTP for `wrk`,
//! `oha` and ours.
//!
//! `empty_server [PORT [DELAY_MS]]`; port 0, or none, is a free one. Every answer waits for the delay: a
//! server that no generator can saturate. It prints its URL.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

const ANSWER: &[u8] =
    b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

const REFUSAL: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

/// More than any request of a comparison.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let argument = |place| std::env::args().nth(place);
    let port = argument(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let delay = argument(2).and_then(|delay| delay.parse().ok()).filter(|delay| *delay > 0);
    let delay = delay.map(Duration::from_millis);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}\n", listener.local_addr()?);
    io::Write::write_all(&mut io::stdout(), url.as_bytes())?;
    let connections = LocalSet::new();
    connections
        .run_until(async {
            loop {
                let (stream, _peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                // A client that goes away is no failure of the server.
                tokio::task::spawn_local(async move { serve(stream, delay).await.ok() });
            }
        })
        .await
}

/// Answers until the client closes.
async fn serve(mut stream: TcpStream, delay: Option<Duration>) -> io::Result<()> {
    let mut received = Vec::with_capacity(REQUEST_BYTES_MAX);
    while stream.read_buf(&mut received).await? > 0 {
        while let Some(request) = complete(&received) {
            let answer = if is_refused(&received[..request]) { REFUSAL } else { ANSWER };
            received.drain(..request);
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
            }
            stream.write_all(answer).await?;
        }
        if received.len() >= REQUEST_BYTES_MAX {
            return Err(io::Error::other("the request is too long"));
        }
    }
    Ok(())
}

fn is_refused(request: &[u8]) -> bool {
    request.split(|byte| *byte == b' ').nth(1).is_some_and(|path| path.ends_with(b"/refuse"))
}

/// The length of the first request, once all of it is there.
fn complete(received: &[u8]) -> Option<usize> {
    let head = received.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let mut lines = received[..head].split(|byte| *byte == b'\n');
    let length = lines.find_map(content_length).unwrap_or(0);
    (received.len() >= head + length).then_some(head + length)
}

fn content_length(line: &[u8]) -> Option<usize> {
    let line = str::from_utf8(line).ok()?;
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
}
