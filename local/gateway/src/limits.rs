//! The gateway's limits: AWS's own with their source, and ours with their reason.

use std::time::Duration;

/// A request's body may have this many bytes.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
pub(crate) const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Bodies up to this size are read without asking for room: 4,096 of them are 256 MiB.
pub(crate) const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;

/// Request line and headers may have this many bytes together.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
pub(crate) const HEAD_BYTES_MAX: usize = 10_240;

/// No integration may take longer.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
pub(crate) const INTEGRATION_TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// Requests with more bytes of headers than this are refused while they are read. More than
/// [`HEAD_BYTES_MAX`], so that the usual offender gets AWS's answer and not the HTTP library's.
pub(crate) const HEAD_BUFFER_BYTES: usize = 64 * 1024;

/// What is read and thrown away of a body that is too large, so that a client which writes all of
/// it before it reads sees the answer and not a reset connection.
pub(crate) const DISCARD_BYTES_MAX: usize = 8 * BODY_BYTES_MAX;

/// How often an HTTP/2 connection is asked whether anybody is there.
pub(crate) const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);

/// Pause after a failed `accept`, which is nearly always a lack of file descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The limits that a test of the sockets sets lower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections served at a time; further ones wait in the listener's backlog. Twice what our
    /// largest load test opens.
    pub(crate) connections: usize,
    /// A connection that has not sent a whole request head in this time is closed, also one that is
    /// idle between two requests.
    pub(crate) head_timeout: Duration,
    /// A request's body has to arrive within this time: 10 MB at a slow 3 Mbit/s.
    pub(crate) body_timeout: Duration,
    /// The larger bodies of all requests under way may have this many bytes together. Events with more
    /// than 6 MB are refused, so these are dozens of the largest.
    pub(crate) large_bodies_bytes: usize,
    /// A larger body waits this long for room. Shorter than `body_timeout`: it is not the client's fault.
    pub(crate) room_timeout: Duration,
    /// A client that reads nothing of its answer for this long is cut off.
    pub(crate) write_timeout: Duration,
    /// Requests under way have this long to finish when the gateway shuts down. Short, because a
    /// person waits for it.
    pub(crate) drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            large_bodies_bytes: 256 * 1024 * 1024,
            room_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
        }
    }
}
