//! What a key ring takes and refuses.

use super::*;
use crate::Coordinates;

const SECRET_A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECRET_B: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

#[track_caller]
fn refuses(text: &str, expected: &KeyRingError) {
    assert_eq!(KeyRing::parse(text).unwrap_err(), *expected);
}

#[test]
fn the_first_key_mints() {
    let ring = KeyRing::parse(&format!("new:{SECRET_B}, old:{SECRET_A}")).unwrap();
    let stream = Stream { cluster: "c".into(), topic: "t".into(), epoch: 1 };
    assert_eq!(ring.ids().collect::<Vec<_>>(), ["new", "old"]);
    assert_eq!(ring.for_stream(&stream).current_key_id(), "new");
}

#[test]
fn padding_is_optional() {
    let stream = Stream { cluster: "c".into(), topic: "t".into(), epoch: 1 };
    let place = Coordinates::new(1, 2).unwrap();
    let mint = |text: &str| KeyRing::parse(text).unwrap().for_stream(&stream).mint(place);
    assert_eq!(
        mint(&format!("k:{SECRET_A}")),
        mint(&format!("k:{}", SECRET_A.trim_end_matches('=')))
    );
}

#[test]
fn malformed_rings_are_refused() {
    refuses("", &KeyRingError::Empty { place: 1 });
    refuses(&format!("a:{SECRET_A},"), &KeyRingError::Empty { place: 2 });
    refuses(SECRET_A, &KeyRingError::NoColon { place: 1 });
    refuses(&format!(":{SECRET_A}"), &KeyRingError::Id { place: 1 });
    refuses(&format!("a b:{SECRET_A}"), &KeyRingError::Id { place: 1 });
    refuses(&format!("seventeen-letters:{SECRET_A}"), &KeyRingError::Id { place: 1 });
    refuses("a:not base64!", &KeyRingError::NotBase64 { id: "a".into() });
    refuses("a:c2hvcnQ=", &KeyRingError::SecretLength { id: "a".into(), bytes: 5 });
    refuses(&format!("a:{SECRET_A},a:{SECRET_B}"), &KeyRingError::RepeatedId { id: "a".into() });
    refuses(
        &format!("a:{SECRET_A},b:{SECRET_A}"),
        &KeyRingError::RepeatedSecret { id: "b".into(), earlier: "a".into() },
    );
}

#[test]
fn a_fifth_key_is_refused() {
    let ring = |keys: u8| {
        (0..keys)
            .map(|key| format!("k{key}:{}", BASE64.encode([key; 32])))
            .collect::<Vec<_>>()
            .join(",")
    };
    assert!(KeyRing::parse(&ring(4)).is_ok());
    refuses(&ring(5), &KeyRingError::TooMany { keys: 5 });
}

#[test]
fn secrets_never_show() {
    let ring = KeyRing::parse(&format!("a:{SECRET_A}")).unwrap();
    let stream = Stream { cluster: "c".into(), topic: "t".into(), epoch: 1 };
    let shown = format!("{ring:?} {:?}", ring.for_stream(&stream));
    assert_eq!(shown, r#"KeyRing { ids: ["a"] } StreamKeys { ids: ["a"] }"#);
}

#[test]
fn errors_do_not_quote_the_secret() {
    let error = KeyRing::parse("a:top*secret").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret*"), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("top"), "{error:?}");
}
