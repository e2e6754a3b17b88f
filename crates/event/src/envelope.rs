//! CloudEvents 1.0 in Kafka's binary binding: attributes in headers, the body untouched in the record's value.
//! Borrows everything; neither reads a clock nor invents ids.

use crate::limits;

/// Names of the headers an envelope is made of (CloudEvents Kafka protocol binding 1.0, section 3.2).
pub mod header {
    /// The version of CloudEvents. A record without it is not one of ours.
    pub const SPEC_VERSION: &str = "ce_specversion";
    /// The caller's own id of the event.
    pub const ID: &str = "ce_id";
    /// Where the event came in.
    pub const SOURCE: &str = "ce_source";
    /// What kind of event it is.
    pub const TYPE: &str = "ce_type";
    /// When the event came in, RFC 3339.
    pub const TIME: &str = "ce_time";
    /// What the event is about.
    pub const SUBJECT: &str = "ce_subject";
    /// The id of the key the event's receipt was minted under (our extension attribute).
    pub const RECEIPT_KEY: &str = "ce_receiptkey";
    /// The media type of the body.
    pub const CONTENT_TYPE: &str = "content-type";
    /// The caller's trace (W3C Trace Context; CloudEvents' distributed tracing extension).
    pub const TRACEPARENT: &str = "traceparent";
}

const SPEC_VERSION: &str = "1.0";

/// An event's attributes. Every text is within its limit, not empty, and free of control characters: only such
/// envelopes are encoded or decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The caller's own id, or a UUID of version 7 made on arrival.
    pub id: &'a str,
    /// Where the event came in, a URI reference.
    pub source: &'a str,
    /// What kind of event it is.
    pub event_type: &'a str,
    /// When the event came in, RFC 3339.
    pub time: Option<&'a str>,
    /// What the event is about.
    pub subject: Option<&'a str>,
    /// The id of the receipt key. Absent from CloudEvents that other producers wrote.
    pub receipt_key: Option<&'a str>,
    /// The media type of the body.
    pub content_type: Option<&'a str>,
    /// The caller's trace.
    pub traceparent: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// The headers of the record, in a fixed order. Fails when an attribute breaks its limits.
    pub fn encode(&self) -> Result<Vec<(&'static str, &'a str)>, EnvelopeError> {
        let attributes = [
            (header::SPEC_VERSION, Some(SPEC_VERSION)),
            (header::ID, Some(self.id)),
            (header::SOURCE, Some(self.source)),
            (header::TYPE, Some(self.event_type)),
            (header::TIME, self.time),
            (header::SUBJECT, self.subject),
            (header::RECEIPT_KEY, self.receipt_key),
            (header::CONTENT_TYPE, self.content_type),
            (header::TRACEPARENT, self.traceparent),
        ];
        let mut headers = Vec::with_capacity(attributes.len());
        for (name, value) in attributes {
            if let Some(value) = value {
                headers.push((name, checked(name, value)?));
            }
        }
        Ok(headers)
    }

    /// Reads a record's headers. `None` for a record without `ce_specversion`: it is not one of ours, and may hold
    /// anything. Of a repeated header the last one counts (as with Kafka's `lastHeader`); unknown ones are skipped.
    pub fn decode(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Option<Self>, EnvelopeError> {
        let mut raw = RawEnvelope::default();
        for (name, value) in headers {
            if let Some(attribute) = raw.attribute(name) {
                *attribute = Some(value);
            }
        }
        let Some(version) = text(header::SPEC_VERSION, raw.spec_version)? else {
            return Ok(None);
        };
        if version != SPEC_VERSION {
            return Err(EnvelopeError::Version { version: version.to_owned() });
        }
        Ok(Some(Self {
            id: required(header::ID, raw.id)?,
            source: required(header::SOURCE, raw.source)?,
            event_type: required(header::TYPE, raw.event_type)?,
            time: text(header::TIME, raw.time)?,
            subject: text(header::SUBJECT, raw.subject)?,
            receipt_key: text(header::RECEIPT_KEY, raw.receipt_key)?,
            content_type: text(header::CONTENT_TYPE, raw.content_type)?,
            traceparent: text(header::TRACEPARENT, raw.traceparent)?,
        }))
    }
}

/// What the headers said, before it was looked at.
#[derive(Default)]
struct RawEnvelope<'a> {
    spec_version: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
    event_type: Option<&'a [u8]>,
    time: Option<&'a [u8]>,
    subject: Option<&'a [u8]>,
    receipt_key: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    traceparent: Option<&'a [u8]>,
}

impl<'a> RawEnvelope<'a> {
    fn attribute(&mut self, name: &str) -> Option<&mut Option<&'a [u8]>> {
        match name {
            header::SPEC_VERSION => Some(&mut self.spec_version),
            header::ID => Some(&mut self.id),
            header::SOURCE => Some(&mut self.source),
            header::TYPE => Some(&mut self.event_type),
            header::TIME => Some(&mut self.time),
            header::SUBJECT => Some(&mut self.subject),
            header::RECEIPT_KEY => Some(&mut self.receipt_key),
            header::CONTENT_TYPE => Some(&mut self.content_type),
            header::TRACEPARENT => Some(&mut self.traceparent),
            _ => None,
        }
    }
}

fn required<'a>(header: &'static str, value: Option<&'a [u8]>) -> Result<&'a str, EnvelopeError> {
    text(header, value)?.ok_or(EnvelopeError::Missing { header })
}

fn text<'a>(
    header: &'static str,
    value: Option<&'a [u8]>,
) -> Result<Option<&'a str>, EnvelopeError> {
    let Some(bytes) = value else { return Ok(None) };
    let text = str::from_utf8(bytes).map_err(|source| EnvelopeError::NotUtf8 { header, source })?;
    checked(header, text).map(Some)
}

/// The value, if it may stand in that header: not empty, within the header's limit, and without control characters
/// (CloudEvents 1.0, section 3.1).
pub fn checked<'a>(header: &'static str, value: &'a str) -> Result<&'a str, EnvelopeError> {
    let limit_bytes = bytes_max(header);
    if value.is_empty() {
        Err(EnvelopeError::Empty { header })
    } else if value.len() > limit_bytes {
        Err(EnvelopeError::TooLong { header, size_bytes: value.len(), limit_bytes })
    } else if value.chars().any(char::is_control) {
        Err(EnvelopeError::ControlCharacter { header })
    } else {
        Ok(value)
    }
}

fn bytes_max(header: &'static str) -> usize {
    match header {
        header::ID => limits::ID_BYTES_MAX,
        header::SOURCE => limits::SOURCE_BYTES_MAX,
        header::TYPE => limits::TYPE_BYTES_MAX,
        header::TIME => limits::TIME_BYTES_MAX,
        header::SUBJECT => limits::SUBJECT_BYTES_MAX,
        header::RECEIPT_KEY => limits::KEY_ID_BYTES_MAX,
        header::CONTENT_TYPE => limits::CONTENT_TYPE_BYTES_MAX,
        // `traceparent`, and the version, which has a value of its own to keep to.
        _ => limits::TRACEPARENT_BYTES_MAX,
    }
}

/// An attribute that breaks the binding or our limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// An attribute that CloudEvents requires is absent.
    #[error("header `{header}` is missing")]
    Missing {
        /// The header's name.
        header: &'static str,
    },
    /// An attribute without content.
    #[error("`{header}` is empty")]
    Empty {
        /// The header's name.
        header: &'static str,
    },
    /// An attribute beyond its limit.
    #[error("`{header}` has {size_bytes} bytes, {limit_bytes} are allowed")]
    TooLong {
        /// The header's name.
        header: &'static str,
        /// How long it is.
        size_bytes: usize,
        /// How long it may be.
        limit_bytes: usize,
    },
    /// An attribute with a line break, a tab or the like.
    #[error("`{header}` contains a control character")]
    ControlCharacter {
        /// The header's name.
        header: &'static str,
    },
    /// An attribute that is not text.
    #[error("`{header}` is not UTF-8")]
    NotUtf8 {
        /// The header's name.
        header: &'static str,
        /// Where the text ends.
        #[source]
        source: std::str::Utf8Error,
    },
    /// A version of CloudEvents that we do not know.
    #[error("CloudEvents version `{version}` is not `{SPEC_VERSION}`")]
    Version {
        /// What the record says.
        version: String,
    },
}

#[cfg(test)]
mod tests;
