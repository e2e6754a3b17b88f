//! What the headers of an event look like, and which are refused.

use proptest::prelude::*;

use super::*;

const FULL: Envelope<'static> = Envelope {
    id: "0193d5a0-0000-7000-8000-000000000001",
    source: "/register_event",
    event_type: "page_view",
    time: Some("2026-11-21T13:42:51.000000001Z"),
    subject: Some("user/u1"),
    receipt_key: Some("k1"),
    content_type: Some("application/json"),
    traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
};

fn bytes<'a>(headers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a [u8])> {
    headers.iter().map(|&(name, value)| (name, value.as_bytes())).collect()
}

#[test]
fn headers_are_those_of_the_binding() {
    assert_eq!(
        FULL.encode().unwrap(),
        [
            ("ce_specversion", "1.0"),
            ("ce_id", "0193d5a0-0000-7000-8000-000000000001"),
            ("ce_source", "/register_event"),
            ("ce_type", "page_view"),
            ("ce_time", "2026-11-21T13:42:51.000000001Z"),
            ("ce_subject", "user/u1"),
            ("ce_receiptkey", "k1"),
            ("content-type", "application/json"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ]
    );
}

#[test]
fn absent_attributes_have_no_header() {
    let bare = Envelope {
        time: None,
        subject: None,
        receipt_key: None,
        content_type: None,
        traceparent: None,
        ..FULL
    };
    let headers = bare.encode().unwrap();
    assert_eq!(headers.len(), 4);
    assert_eq!(Envelope::decode(bytes(&headers)), Ok(Some(bare)));
}

#[test]
fn a_record_without_a_version_is_not_ours() {
    let none: [(&str, &[u8]); 0] = [];
    assert_eq!(Envelope::decode(none), Ok(None));
    assert_eq!(Envelope::decode([("ce_id", b"\xff".as_slice())]), Ok(None));
}

#[test]
fn of_a_repeated_header_the_last_counts() {
    let mut headers = bytes(&FULL.encode().unwrap());
    headers.push(("ce_type", b"click"));
    headers.push(("x-other", b"\xff"));
    let decoded = Envelope::decode(headers).unwrap().unwrap();
    assert_eq!(decoded, Envelope { event_type: "click", ..FULL });
}

#[test]
fn a_missing_required_attribute_is_named() {
    for required in ["ce_id", "ce_source", "ce_type"] {
        let headers = FULL.encode().unwrap();
        let rest: Vec<_> = headers.into_iter().filter(|(name, _)| *name != required).collect();
        assert_eq!(
            Envelope::decode(bytes(&rest)),
            Err(EnvelopeError::Missing { header: required })
        );
    }
}

#[test]
fn an_unknown_version_is_refused() {
    assert_eq!(
        Envelope::decode([("ce_specversion", b"2.0".as_slice())]),
        Err(EnvelopeError::Version { version: "2.0".into() })
    );
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let mut headers = bytes(&FULL.encode().unwrap());
    headers.push(("ce_source", b"\xff"));
    let error = Envelope::decode(headers).unwrap_err();
    assert!(matches!(error, EnvelopeError::NotUtf8 { header: "ce_source", .. }), "{error:?}");
}

#[test]
fn attributes_keep_their_limits() {
    let long = "x".repeat(limits::ID_BYTES_MAX + 1);
    let at_limit = Envelope { id: &long[1..], ..FULL };
    assert!(at_limit.encode().is_ok());
    let over = Envelope { id: &long, ..FULL };
    assert_eq!(
        over.encode(),
        Err(EnvelopeError::TooLong { header: "ce_id", size_bytes: 129, limit_bytes: 128 })
    );
    let empty = Envelope { source: "", ..FULL };
    assert_eq!(empty.encode(), Err(EnvelopeError::Empty { header: "ce_source" }));
    let broken = Envelope { event_type: "a\nb", ..FULL };
    assert_eq!(broken.encode(), Err(EnvelopeError::ControlCharacter { header: "ce_type" }));
}

proptest! {
    #[test]
    fn what_was_encoded_decodes(
        id in "[^\\p{Cc}]{1,32}", event_type in "[^\\p{Cc}]{1,60}", subject in proptest::option::of("[^\\p{Cc}]{1,60}"),
    ) {
        let envelope =
            Envelope { id: &id, event_type: &event_type, subject: subject.as_deref(), ..FULL };
        let headers = envelope.encode().unwrap();
        prop_assert_eq!(Envelope::decode(bytes(&headers)), Ok(Some(envelope)));
    }
}
