//! Checks, before a request is decoded, that it holds as many elements as it counts.
//!
//! The codec makes room for an array's count before it reads the first element, so a few bytes of
//! garbage could ask for more memory than there is and end the process. Nothing is interpreted
//! here: the layouts only say where the counts are.
//!
//! Source: the request schemas of <https://kafka.apache.org/protocol>.

mod layouts;
#[cfg(test)]
pub(super) mod tests;

use bytes::Buf;
use kafka_protocol::messages::ApiKey;

/// Array elements and tagged fields in one request. The largest honest request names every
/// partition of a large cluster.
const ELEMENTS_MAX: usize = 200_000;

/// One field, and the versions that have it.
#[derive(Debug)]
struct Field {
    since: i16,
    until: i16,
    shape: Shape,
}

/// How a field is laid out.
#[derive(Debug)]
enum Shape {
    /// This many bytes.
    Fixed(usize),
    /// A string that may be null.
    Text,
    /// Bytes that may be null.
    Blob,
    /// An array of numbers or strings.
    Items(&'static Self),
    /// An array of structures.
    Structs(&'static [Field]),
}

/// A request's fields, and the first version in the compact encoding (KIP-482).
struct Layout {
    compact_since: i16,
    fields: &'static [Field],
}

/// Whether `body` holds every element that it counts, and not too many.
pub(super) fn holds(key: ApiKey, version: i16, body: &[u8]) -> bool {
    let Some(layout) = layouts::layout(key) else { return false };
    let is_compact = version >= layout.compact_since;
    let mut walk = Walk { rest: body, version, is_compact, elements_left: ELEMENTS_MAX };
    walk.structure(layout.fields).is_some()
}

/// A position in a request. Steps answer `None` where the request is too short.
struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    is_compact: bool,
    elements_left: usize,
}

impl Walk<'_> {
    fn structure(&mut self, fields: &[Field]) -> Option<()> {
        let version = self.version;
        for field in fields.iter().filter(|one| (one.since..=one.until).contains(&version)) {
            self.field(&field.shape)?;
        }
        if self.is_compact { self.tagged_fields() } else { Some(()) }
    }

    fn field(&mut self, shape: &Shape) -> Option<()> {
        match shape {
            Shape::Fixed(size) => self.skip(*size),
            Shape::Text => {
                let length = if self.is_compact { self.compact_length()? } else { self.short()? };
                self.skip(length)
            }
            Shape::Blob => {
                let length = self.length()?;
                self.skip(length)
            }
            Shape::Items(shape) => {
                let count = self.count()?;
                (0..count).try_for_each(|_| self.field(shape))
            }
            Shape::Structs(fields) => {
                let count = self.count()?;
                (0..count).try_for_each(|_| self.structure(fields))
            }
        }
    }

    fn tagged_fields(&mut self) -> Option<()> {
        let count = usize::try_from(self.varint()?).ok()?;
        self.spend(count)?;
        (0..count).try_for_each(|_| {
            self.varint()?;
            let size = usize::try_from(self.varint()?).ok()?;
            self.skip(size)
        })
    }

    /// An array's count: every element takes a byte or more.
    fn count(&mut self) -> Option<usize> {
        let count = self.length()?;
        self.spend(count)?;
        Some(count)
    }

    fn spend(&mut self, elements: usize) -> Option<()> {
        self.elements_left = self.elements_left.checked_sub(elements)?;
        (elements <= self.rest.len()).then_some(())
    }

    fn length(&mut self) -> Option<usize> {
        if self.is_compact {
            return self.compact_length();
        }
        length_of(i64::from(self.rest.try_get_i32().ok()?))
    }

    fn short(&mut self) -> Option<usize> {
        length_of(i64::from(self.rest.try_get_i16().ok()?))
    }

    /// Compact lengths are one more than they say, so that null can be 0.
    fn compact_length(&mut self) -> Option<usize> {
        length_of(i64::from(self.varint()?) - 1)
    }

    fn varint(&mut self) -> Option<u32> {
        let mut value = 0;
        for shift in (0..32).step_by(7) {
            let byte = self.rest.try_get_u8().ok()?;
            value |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }
}

/// A length as written: -1 is null, which takes no bytes.
fn length_of(written: i64) -> Option<usize> {
    if written == -1 { Some(0) } else { usize::try_from(written).ok() }
}
