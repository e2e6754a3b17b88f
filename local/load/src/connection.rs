//! One keep-alive connection: connecting, one exchange after another, and whether a failed request
//! was written.
//!
//! It decides nothing about what a failure means.

use bytes::{Bytes, BytesMut};
use http::header::RETRY_AFTER;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::target::Target;

/// So much of an answer's body is kept: all of any error body. The rest is read and dropped.
const ANSWER_BYTES_KEPT: usize = 16 * 1024;

type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// An open connection. The task that sends also drives the socket, which saves a wake-up per request.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended.
    driver: Option<Driver>,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Whether it names a time after which to try again.
    pub(crate) retry_after: bool,
    /// The beginning of the body.
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Nothing was written: the request can be sent again.
    Unsent(Box<Request<Full<Bytes>>>),
    /// It was written, at least in part.
    Lost,
}

impl Connection {
    /// Connects to `target`.
    pub(crate) async fn open(target: &Target) -> Result<Self, std::io::Error> {
        let stream = TcpStream::connect(target.address()).await?;
        stream.set_nodelay(true)?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(std::io::Error::other)?;
        Ok(Self { sender, driver: Some(driver) })
    }

    /// Sends `request` and reads its whole answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Broken> {
        let Self { sender, driver } = self;
        let mut exchange = std::pin::pin!(exchange(sender, request));
        if let Some(running) = driver {
            tokio::select! {
                biased;
                result = &mut exchange => return result,
                _ended = running => {}
            }
        }
        // Dropping an ended driver tells the exchange what became of its request.
        *driver = None;
        exchange.await
    }

    /// Whether another request may be tried on it.
    pub(crate) fn is_open(&self) -> bool {
        self.driver.is_some() && !self.sender.is_closed()
    }
}

async fn exchange(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Broken> {
    if sender.ready().await.is_err() {
        return Err(Broken::Unsent(Box::new(request)));
    }
    match sender.try_send_request(request).await {
        Ok(response) => {
            let status = response.status();
            let retry_after = response.headers().contains_key(RETRY_AFTER);
            let body = read(response.into_body()).await.map_err(|_lost| Broken::Lost)?;
            Ok(Answer { status, retry_after, body })
        }
        Err(mut error) => Err(error
            .take_message()
            .map_or(Broken::Lost, |request| Broken::Unsent(Box::new(request)))),
    }
}

/// Reads a body to its end and keeps its beginning.
async fn read(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut kept = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = ANSWER_BYTES_KEPT - kept.len();
            kept.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok(kept.freeze())
}
