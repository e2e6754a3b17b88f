//! One keep-alive connection: connecting, one exchange after another, and whether a failed request
//! was written.
//!
//! It decides nothing about what a failure means.

use std::io;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use crate::answer::{Answer, Reading};

/// Room for most answers, so that one read takes them.
const ANSWER_BYTES_USUAL: usize = 4 * 1024;

/// How connections are made; in tests without a network.
pub(crate) trait Dial: Clone + 'static {
    /// A connection's two directions.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// Makes one.
    async fn dial(&self) -> io::Result<Self::Stream>;
}

/// Connects over TCP.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Dial for Tcp {
    type Stream = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    received: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Nothing was written: the request can be sent again.
    Unsent,
    /// It was written, at least in part.
    Lost,
    /// It was written, and what came is not HTTP.
    NotHttp,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// The connection over `stream`.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, received: Vec::with_capacity(ANSWER_BYTES_USUAL) }
    }

    /// Sends `request` and reads its whole answer. After an answer without `keep_alive`, or a
    /// failure, the connection is of no more use.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        to_head: bool,
    ) -> Result<Answer, Broken> {
        self.send(request).await?;
        let mut reading = Reading::new(to_head);
        loop {
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => return reading.end().ok_or(Broken::Lost),
                Ok(_) => {}
                Err(_) => return Err(Broken::Lost),
            }
            if let Some(mut answer) =
                reading.read(&mut self.received).map_err(|_not_http| Broken::NotHttp)?
            {
                // Whatever follows is the answer to no request of ours.
                answer.keep_alive &= self.received.is_empty();
                return Ok(answer);
            }
        }
    }

    async fn send(&mut self, request: &[u8]) -> Result<(), Broken> {
        let mut written = 0;
        while written < request.len() {
            match self.stream.write(&request[written..]).await {
                Ok(count @ 1..) => written += count,
                Ok(0) | Err(_) if written == 0 => return Err(Broken::Unsent),
                Ok(_) | Err(_) => return Err(Broken::Lost),
            }
        }
        Ok(())
    }

    /// Whether another request may be tried on it: the server has not closed it since, nor said
    /// anything that nobody asked for.
    pub(crate) async fn is_open(&mut self) -> bool {
        let stream = &mut self.stream;
        std::future::poll_fn(|context| {
            let mut byte = [0];
            let read = Pin::new(&mut *stream).poll_read(context, &mut ReadBuf::new(&mut byte));
            Poll::Ready(read.is_pending())
        })
        .await
    }
}
