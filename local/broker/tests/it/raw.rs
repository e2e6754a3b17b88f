//! Bytes that no client library would send, and a connection to send them by.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{LIMIT, Outgoing, Running, send};

pub(crate) async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(&running.bootstrap).await.expect("a connection")
}

/// Sends one frame and reads one; `None` where the broker closed the connection.
pub(crate) async fn exchange(stream: &mut TcpStream, body: &[u8]) -> Option<Vec<u8>> {
    let length = i32::try_from(body.len()).expect("a small request");
    let exchanged = async {
        stream.write_all(&length.to_be_bytes()).await.ok()?;
        stream.write_all(body).await.ok()?;
        let length = stream.read_u32().await.ok()?;
        let mut answer = vec![0; usize::try_from(length).ok()?];
        stream.read_exact(&mut answer).await.ok()?;
        Some(answer)
    };
    timeout(LIMIT, exchanged).await.expect("an answer, or an end, in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_from_the_future_is_told_the_versions_in_the_oldest() {
    let running = Running::with_topics(&[]).await;
    let mut stream = connect(&running).await;
    let asked = [0, 18, 0, 99, 0, 0, 0, 42, 0xff, 0xff, 1, 2, 3];
    let answer = exchange(&mut stream, &asked).await.unwrap();
    assert_eq!(answer[..6], [0, 0, 0, 42, 0, 35], "correlation id, UNSUPPORTED_VERSION");
    let count = u32::from_be_bytes(answer[6..10].try_into().unwrap());
    assert_eq!(answer.len(), 10 + 6 * usize::try_from(count).unwrap(), "the layout of version 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_costs_its_sender_the_connection_and_nobody_else() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let producer = running.producer(&[]);
    let mut huge_count = vec![0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff];
    huge_count.extend([0x7f, 0xff, 0xff, 0xff]);
    for body in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0], &[0x7f; 40], &huge_count] {
        assert_eq!(exchange(&mut connect(&running).await, body).await, None, "{body:?}");
    }
    let mut plain = connect(&running).await;
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let closed = timeout(LIMIT, plain.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    let out = Outgoing { value: Some("still here"), ..Outgoing::default() };
    assert_eq!(send(&producer, "events", out).await, (0, 0));
}
