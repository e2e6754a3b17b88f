//! Reading a request's body within its limits of size and time, and of what all bodies may have.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits::{BODY_BYTES_MAX, DISCARD_BYTES_MAX, Limits, SMALL_BODY_BYTES_MAX};
use crate::refusal::Refusal;

/// The room for all bodies that are not small. Who finds none waits a moment.
#[derive(Debug)]
pub(super) struct Room {
    bytes: Semaphore,
    limits: Limits,
}

/// A body, and its place among the large ones where it is one.
#[derive(Debug)]
pub(super) struct Upload<'r> {
    pub(super) body: Bytes,
    _place: Option<SemaphorePermit<'r>>,
}

impl Room {
    pub(super) fn new(limits: Limits) -> Self {
        Self { bytes: Semaphore::new(limits.large_bodies_bytes), limits }
    }

    /// Room for one body of `bytes`.
    async fn place(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Refusal> {
        let bytes = u32::try_from(bytes).expect("a body has at most 10 MiB");
        let place = self.bytes.acquire_many(bytes);
        match tokio::time::timeout(self.limits.room_timeout, place).await {
            Ok(place) => Ok(place.expect("the semaphore is never closed")),
            Err(_elapsed) => Err(Refusal::Throttled),
        }
    }
}

/// Reads the whole body, as long as it may take.
///
/// What exceeds the limit is read and thrown away before it is refused, so that a client which
/// writes first and reads later sees the answer; a client that asks before it sends
/// (`Expect: 100-continue`) is refused at once.
pub(super) async fn read<'r>(
    headers: &HeaderMap,
    body: Incoming,
    room: &'r Room,
) -> Result<Upload<'r>, Refusal> {
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 && headers.contains_key(EXPECT) {
        return Err(Refusal::BodyTooLarge);
    }
    let patience = room.limits.body_timeout;
    tokio::time::timeout(patience, collect(body, room)).await.unwrap_or(Err(Refusal::BodyTooSlow))
}

/// Collects the data frames; a body of one frame is not copied.
async fn collect(mut body: Incoming, room: &Room) -> Result<Upload<'_>, Refusal> {
    // One whose length is not told may have any.
    let length = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let wanted = length.unwrap_or(BODY_BYTES_MAX).min(BODY_BYTES_MAX);
    let mut place = None;
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
            // Nothing is kept of it.
            place = None;
            continue;
        }
        if received > SMALL_BODY_BYTES_MAX && place.is_none() {
            place = Some(room.place(wanted).await?);
        }
        if received == data.len() {
            only = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut only));
            joined.extend_from_slice(&data);
        }
    }
    if received > BODY_BYTES_MAX {
        return Err(Refusal::BodyTooLarge);
    }
    let body = if only.is_empty() { joined.freeze() } else { only };
    Ok(Upload { body, _place: place })
}
