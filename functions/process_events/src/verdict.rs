//! What is to become of a record, by its value alone. Pure.

use std::{fmt, str::Utf8Error};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// What is to become of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'v> {
    /// It is archived as it is.
    Apply(&'v [u8]),
    /// It is a tombstone: nothing to do.
    Skip,
    /// It can never be applied, for this reason.
    Fail(String),
}

/// Why a value is no JSON object. Never quotes the value: everybody with the receipt may read it.
#[derive(Debug, thiserror::Error)]
enum ValueError {
    #[error("{0}")]
    Text(Utf8Error),
    #[error("{0}")]
    Syntax(serde_json::Error),
    #[error("it is JSON of another type")]
    OtherType,
}

/// Judges a record's value.
pub(crate) fn judge(value: Option<&[u8]>) -> Verdict<'_> {
    let Some(value) = value else { return Verdict::Skip };
    match check(value) {
        Ok(()) => Verdict::Apply(value),
        Err(error) => Verdict::Fail(format!("value is not a JSON object: {error}")),
    }
}

fn check(value: &[u8]) -> Result<(), ValueError> {
    // Skipping over a string does not look at its bytes, so the text is checked first.
    let text = str::from_utf8(value).map_err(ValueError::Text)?;
    match serde_json::from_str::<Object>(text) {
        Ok(Object) => Ok(()),
        // This error's text would quote the value.
        Err(error) if error.is_data() => Err(ValueError::OtherType),
        Err(error) => Err(ValueError::Syntax(error)),
    }
}

/// Any JSON object. Keeps nothing of it.
struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Object)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(value: &[u8], reason: &str) {
        match judge(Some(value)) {
            Verdict::Fail(found) => {
                assert_eq!(found, format!("value is not a JSON object: {reason}"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_object_is_applied_as_it_is() {
        for value in [&b"{}"[..], b" {\"a\": [1, {\"b\": null}]}\n", b"{\"a\":1,\"a\":2}"] {
            assert_eq!(judge(Some(value)), Verdict::Apply(value));
        }
    }

    #[test]
    fn a_tombstone_is_skipped() {
        assert_eq!(judge(None), Verdict::Skip);
    }

    #[test]
    fn anything_else_fails_with_the_place() {
        fails(b"", "EOF while parsing a value at line 1 column 0");
        fails(b"hello", "expected value at line 1 column 1");
        fails(b"{\"a\":1} x", "trailing characters at line 1 column 9");
        fails(b"{\"a\":", "EOF while parsing a value at line 1 column 5");
        fails(b"{\"a\":\"\xff\"}", "invalid utf-8 sequence of 1 bytes from index 6");
    }

    #[test]
    fn a_reason_never_quotes_the_value() {
        for value in [&b"\"password\""[..], b"4929123412341234", b"-1.5", b"true", b"null", b"[]"] {
            fails(value, "it is JSON of another type");
        }
    }
}
