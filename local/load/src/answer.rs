//! Reading an HTTP/1.1 answer from the bytes of a connection, in whatever pieces they come. Pure: no
//! I/O; heads and chunk sizes are read by `httparse`.
//!
//! It keeps no body but the beginning of an error's.

use httparse::{EMPTY_HEADER, Status};

/// So much of an error's body is kept: all of any that a gateway makes. The rest is dropped.
const BODY_BYTES_KEPT: usize = 16 * 1024;

/// Longer heads are no answer to us; most servers stop at 16 KiB.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// More headers than any server sends.
const HEADERS_MAX: usize = 96;

/// Longer than a chunk's size with its extensions, or a trailer.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// What came is not HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotHttp;

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it names a time after which to try again.
    pub(crate) retry_after: bool,
    /// Whether another request may follow on the same connection.
    pub(crate) keep_alive: bool,
    /// The beginning of the body, unless the status is a 2xx.
    pub(crate) body: Vec<u8>,
}

/// An answer that is being read.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The answer to a HEAD request has no body, whatever its head says.
    to_head: bool,
    answer: Option<Answer>,
    rest: Rest,
}

/// What is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Head,
    /// So many bytes of the body.
    Bytes(u64),
    /// The line with a chunk's size.
    ChunkSize,
    /// So many bytes of a chunk, and the line's end after it.
    Chunk(u64),
    /// Lines up to an empty one.
    Trailers,
    /// Everything until the connection ends.
    UntilEnd,
    Nothing,
}

impl Reading {
    /// The answer to a request, a HEAD request where `to_head`.
    pub(crate) fn new(to_head: bool) -> Self {
        Self { to_head, answer: None, rest: Rest::Head }
    }

    /// Takes what it can from `received`; gives the answer once it is complete.
    pub(crate) fn read(&mut self, received: &mut Vec<u8>) -> Result<Option<Answer>, NotHttp> {
        let mut read = 0;
        while self.rest != Rest::Nothing {
            let step = self.step(&received[read..])?;
            read += step;
            if step == 0 {
                break;
            }
        }
        received.drain(..read);
        Ok(if self.rest == Rest::Nothing { self.answer.take() } else { None })
    }

    /// The connection has ended; gives the answer where that is its end.
    pub(crate) fn end(&mut self) -> Option<Answer> {
        self.answer.take().filter(|_| self.rest == Rest::UntilEnd)
    }

    /// Takes one piece from the beginning of `bytes` and tells how long it was; 0 where more is
    /// needed first, or nothing is left to do.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, NotHttp> {
        match self.rest {
            Rest::Head => self.head(bytes),
            Rest::Bytes(left) => {
                let taken = self.keep(bytes, left);
                self.rest = match left - taken as u64 {
                    0 => Rest::Nothing,
                    left => Rest::Bytes(left),
                };
                Ok(taken)
            }
            Rest::ChunkSize => match httparse::parse_chunk_size(bytes) {
                Ok(Status::Complete((line, size))) => {
                    self.rest = if size == 0 { Rest::Trailers } else { Rest::Chunk(size) };
                    Ok(line)
                }
                Ok(Status::Partial) if bytes.len() < LINE_BYTES_MAX => Ok(0),
                Ok(Status::Partial) | Err(_) => Err(NotHttp),
            },
            Rest::Chunk(0) => match bytes {
                [b'\r', b'\n', ..] => {
                    self.rest = Rest::ChunkSize;
                    Ok(2)
                }
                [] | [b'\r'] => Ok(0),
                _ => Err(NotHttp),
            },
            Rest::Chunk(left) => {
                let taken = self.keep(bytes, left);
                self.rest = Rest::Chunk(left - taken as u64);
                Ok(taken)
            }
            Rest::Trailers => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    if matches!(bytes[..end], [] | [b'\r']) {
                        self.rest = Rest::Nothing;
                    }
                    Ok(end + 1)
                }
                None if bytes.len() < LINE_BYTES_MAX => Ok(0),
                None => Err(NotHttp),
            },
            Rest::UntilEnd => Ok(self.keep(bytes, u64::MAX)),
            Rest::Nothing => Ok(0),
        }
    }

    /// Keeps the beginning of up to `left` bytes of the body; tells how many there were.
    fn keep(&mut self, bytes: &[u8], left: u64) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        if let Some(answer) = self.answer.as_mut().filter(|answer| !is_success(answer.status)) {
            let room = BODY_BYTES_KEPT - answer.body.len();
            answer.body.extend_from_slice(&bytes[..taken.min(room)]);
        }
        taken
    }

    fn head(&mut self, bytes: &[u8]) -> Result<usize, NotHttp> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let length = match head.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Ok(0),
            Ok(Status::Partial) | Err(_) => return Err(NotHttp),
        };
        let (Some(status), Some(minor)) = (head.code, head.version) else { return Err(NotHttp) };
        if (100..200).contains(&status) {
            // An interim answer; the real one follows. Nobody asked for another protocol.
            return if status == 101 { Err(NotHttp) } else { Ok(length) };
        }
        let mut answer =
            Answer { status, retry_after: false, keep_alive: minor == 1, body: Vec::new() };
        let mut rest = Rest::UntilEnd;
        for header in head.headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                let length = str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
                let length = Rest::Bytes(length.ok_or(NotHttp)?);
                if matches!(rest, Rest::Bytes(_)) && rest != length {
                    return Err(NotHttp);
                }
                // Chunks count where both are there.
                rest = if rest == Rest::ChunkSize { rest } else { length };
            } else if is("transfer-encoding") {
                rest = if has(header.value, "chunked") { Rest::ChunkSize } else { Rest::UntilEnd };
            } else if is("connection") {
                answer.keep_alive = !has(header.value, "close")
                    && (answer.keep_alive || has(header.value, "keep-alive"));
            } else if is("retry-after") {
                answer.retry_after = true;
            }
        }
        if self.to_head || matches!(status, 204 | 304) || rest == Rest::Bytes(0) {
            rest = Rest::Nothing;
        }
        answer.keep_alive &= rest != Rest::UntilEnd;
        (self.rest, self.answer) = (rest, Some(answer));
        Ok(length)
    }
}

/// Whether a header's list of words has `word`.
fn has(value: &[u8], word: &str) -> bool {
    value
        .split(|byte| *byte == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

#[cfg(test)]
mod tests;
