//! Reading a request's body within its limits of size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::limits::{BODY_BYTES_MAX, DISCARD_BYTES_MAX};
use crate::refusal::Refusal;

/// Reads the whole body within `patience`.
///
/// What exceeds the limit is read and thrown away before it is refused, so that a client which
/// writes first and reads later sees the answer; a client that asks before it sends
/// (`Expect: 100-continue`) is refused at once.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Incoming,
    patience: Duration,
) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 && headers.contains_key(EXPECT) {
        return Err(Refusal::BodyTooLarge);
    }
    tokio::time::timeout(patience, collect(body)).await.unwrap_or(Err(Refusal::BodyTooSlow))
}

/// Collects the data frames; a body of one frame is not copied.
async fn collect(mut body: Incoming) -> Result<Bytes, Refusal> {
    let mut only = Bytes::new();
    let mut joined = BytesMut::new();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_broken| Refusal::BodyBroken)?.into_data() else {
            continue; // trailers, which an event has no place for
        };
        received += data.len();
        if received > DISCARD_BYTES_MAX {
            return Err(Refusal::BodyTooLarge);
        } else if received > BODY_BYTES_MAX {
            (only, joined) = (Bytes::new(), BytesMut::new());
        } else if received == data.len() {
            only = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut only));
            joined.extend_from_slice(&data);
        }
    }
    if received > BODY_BYTES_MAX {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(if only.is_empty() { joined.freeze() } else { only })
}
