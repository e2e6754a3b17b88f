//! The generator's own id of a request, in the body that it sent.

use std::borrow::Cow;

use serde::Deserialize;

/// The part of a body that is the generator's own.
#[derive(Deserialize)]
struct Generated<'a> {
    #[serde(borrow)]
    load_id: Option<Cow<'a, str>>,
}

/// The generator's id in a body; `None` for events of other origin.
pub(crate) fn load_id(body: &[u8]) -> Option<Cow<'_, str>> {
    let generated: Generated<'_> = serde_json::from_slice(body).ok()?;
    generated.load_id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generators_id_is_found_in_a_body_and_nowhere_else() {
        assert_eq!(load_id(br#"{"a":[1],"load_id":"cafe0123-7"}"#).as_deref(), Some("cafe0123-7"));
        assert_eq!(load_id(br#"{"load_id":"cafe\u00300123-7"}"#).as_deref(), Some("cafe00123-7"));
        for body in [&br#"{"a":{"load_id":"x"}}"#[..], br#"{"load_id":7}"#, b"{}", b"[]", b"\xff"] {
            assert_eq!(load_id(body), None);
        }
    }
}
