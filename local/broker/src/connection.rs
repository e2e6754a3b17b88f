//! One client's connection: requests in, answers out, one after the other as in Kafka.
//!
//! A client that sends what cannot be a request, stops half-way or does not read its answers loses
//! its connection; nobody else notices.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::memory::{Memory, Share};
use crate::node::Node;
use crate::protocol::{self, LENGTH_BYTES, RequestError};

/// Room made for reading at once: a large request takes memory as it arrives, not as announced.
const READ_BYTES: usize = 64 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("a request of {announced} bytes is announced, at most {limit} are taken")]
    Length { announced: i32, limit: usize },
    #[error("the client took too long")]
    TooSlow,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Serves a client until it leaves, misbehaves, or the broker stops.
pub(crate) async fn serve(node: Arc<Node>, stream: TcpStream, address: SocketAddr, memory: Memory) {
    let shutdown = node.shutdown.clone();
    let connection = Connection { node, stream, address, memory, received: BytesMut::new() };
    tokio::select! {
        // First, so that no answer about a stopping log gets out.
        biased;
        () = shutdown.cancelled() => {}
        ended = connection.run() => match ended {
            Ok(()) => tracing::trace!(%address, "A client left"),
            Err(error) => tracing::debug!(%address, ?error, "A connection was dropped"),
        },
    }
}

struct Connection {
    node: Arc<Node>,
    stream: TcpStream,
    address: SocketAddr,
    memory: Memory,
    received: BytesMut,
}

impl Connection {
    async fn run(mut self) -> Result<(), ConnectionError> {
        self.stream.set_nodelay(true)?;
        let transfer_max = self.node.config.limits.transfer_max;
        while let Some((frame, _memory)) = self.next_request().await? {
            if let Some(mut answer) = protocol::answer(&self.node, self.address, frame).await? {
                let written =
                    timeout(transfer_max, self.stream.write_all_buf(&mut answer.frame)).await;
                written.map_err(|_elapsed| ConnectionError::TooSlow)??;
            }
        }
        Ok(())
    }

    /// The next request with its share of memory, which only large ones need; `None` when the client
    /// left between two.
    async fn next_request(&mut self) -> Result<Option<(Bytes, Option<Share>)>, ConnectionError> {
        let limits = &self.node.config.limits;
        let (idle_max, transfer_max) = (limits.idle_max, limits.transfer_max);
        if self.received.is_empty() {
            let read =
                timeout(idle_max, self.stream.read_buf(room(&mut self.received, READ_BYTES)));
            if read.await.map_err(|_elapsed| ConnectionError::TooSlow)?? == 0 {
                return Ok(None);
            }
        }
        let transfer = timeout(transfer_max, self.transfer());
        transfer.await.map_err(|_elapsed| ConnectionError::TooSlow)?.map(Some)
    }

    async fn transfer(&mut self) -> Result<(Bytes, Option<Share>), ConnectionError> {
        self.receive(LENGTH_BYTES).await?;
        let announced = self.received.get_i32();
        let limit = self.node.config.limits.request_bytes_max;
        let length = usize::try_from(announced).ok().filter(|length| *length <= limit);
        let length = length.ok_or(ConnectionError::Length { announced, limit })?;
        // What is small has its room with the connection: heartbeats do not wait behind large
        // requests, which may never come.
        let memory = if length > READ_BYTES { Some(self.memory.take(length).await) } else { None };
        self.receive(length).await?;
        Ok((take(&mut self.received, length), memory))
    }

    /// Reads until `length` bytes are there.
    async fn receive(&mut self, length: usize) -> Result<(), ConnectionError> {
        while self.received.len() < length {
            let missing = length - self.received.len();
            let into = room(&mut self.received, missing.min(READ_BYTES));
            if self.stream.read_buf(into).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        Ok(())
    }
}

/// Takes a whole request out of `received`. A large one takes its memory along, which would
/// otherwise stay with the connection, uncounted, for as long as the client stays.
fn take(received: &mut BytesMut, length: usize) -> Bytes {
    if length <= READ_BYTES {
        return received.split_to(length).freeze();
    }
    let next = BytesMut::from(&received[length..]);
    let mut frame = std::mem::replace(received, next);
    frame.truncate(length);
    frame.freeze()
}

fn room(buffer: &mut BytesMut, bytes: usize) -> &mut BytesMut {
    buffer.reserve(bytes);
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_request_leaves_no_memory_behind_and_the_next_one_whole() {
        let mut received = BytesMut::zeroed(8 << 20);
        received.extend_from_slice(b"next");
        let frame = take(&mut received, 8 << 20);
        assert_eq!((frame.len(), &received[..]), (8 << 20, &b"next"[..]));
        drop(frame);
        received.clear();
        room(&mut received, READ_BYTES);
        assert!(received.capacity() <= 2 * READ_BYTES, "{} bytes", received.capacity());
    }
}
