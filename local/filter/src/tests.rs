//! The table of Lambda's guide, and its operators one by one.

use super::*;

#[track_caller]
fn check(pattern: &str, value: &str, expected: bool) {
    let filters = Filters::parse([pattern]).unwrap();
    assert_eq!(filters.pass(Some(value.as_bytes())), expected, "{pattern} {value}");
}

#[test]
fn a_record_that_is_not_what_its_pattern_expects_passes() {
    let text = r#"{"value":[{"anything-but":["error"]}]}"#;
    let json = r#"{"value":{"device_ID":[{"prefix":"AB"}]}}"#;
    check(text, "error", false);
    check(text, "fine", true);
    check(json, r#"{"device_ID":"AB12"}"#, true);
    check(json, r#"{"device_ID":"CD12"}"#, false);
    check(json, "CD12", true);
    check(text, r#"{"error":"error"}"#, true);
    check("{}", "anything", true);
    check(json, "42", true);
    check(text, r#""error""#, true);
    for pattern in [text, json] {
        let filters = Filters::parse([pattern]).unwrap();
        assert!(filters.pass(Some(b"\xff\xfe")), "not UTF-8");
        assert!(filters.pass(None), "a tombstone");
    }
}

#[test]
fn one_filter_of_several_is_enough() {
    let filters = Filters::parse([r#"{"value":{"a":[1]}}"#, r#"{"value":{"b":[1]}}"#]).unwrap();
    assert!(filters.pass(Some(br#"{"b":1}"#)));
    assert!(!filters.pass(Some(br#"{"c":1}"#)));
    assert!(Filters::default().pass(Some(b"{}")));
    assert!(Filters::default().is_empty() && !filters.is_empty());
}

#[test]
fn each_operator_does_what_the_guide_says() {
    for (conditions, value, expected) in [
        ("[null]", "null", true),
        ("[null]", "0", false),
        (r#"[""]"#, r#""""#, true),
        (r#"["Alice"]"#, r#""Alice""#, true),
        (r#"["Alice"]"#, r#""alice""#, false),
        (r#"[{"equals-ignore-case":"alice"}]"#, r#""ALICE""#, true),
        ("[true]", "true", true),
        ("[true]", r#""true""#, false),
        (r#"["Monday","Friday"]"#, r#""Friday""#, true),
        (r#"[{"anything-but":["Weekend"]}]"#, r#""Monday""#, true),
        (r#"[{"anything-but":["Weekend"]}]"#, r#""Weekend""#, false),
        (r#"[{"anything-but":[100,200]}]"#, "200", false),
        (r#"[{"anything-but":"x"}]"#, r#""x""#, false),
        (r#"[{"numeric":["=",100]}]"#, "100.0", true),
        (r#"[{"numeric":[">",10,"<=",20]}]"#, "20", true),
        (r#"[{"numeric":[">",10,"<=",20]}]"#, "10", false),
        (r#"[{"numeric":["<",10]}]"#, r#""5""#, false),
        (r#"[{"numeric":[">=",10]}]"#, "9.99", false),
        ("[300]", "300", true),
        ("[300]", "300.0", false),
        (r#"[{"prefix":"us-"}]"#, r#""us-east-1""#, true),
        (r#"[{"suffix":".png"}]"#, r#""a.png""#, true),
        (r#"[{"suffix":".png"}]"#, r#""a.jpg""#, false),
        (r#"[{"exists":true}]"#, "null", true),
        (r#"[{"exists":false}]"#, "1", false),
        (r#"["a"]"#, r#"["b","a"]"#, true),
        (r#"["a"]"#, r#"["b"]"#, false),
    ] {
        let pattern = format!(r#"{{"value":{{"field":{conditions}}}}}"#);
        check(&pattern, &format!(r#"{{"field":{value}}}"#), expected);
    }
}

#[test]
fn a_field_that_is_missing_fulfils_only_that_it_does_not_exist() {
    check(r#"{"value":{"field":[{"exists":false}]}}"#, "{}", true);
    check(r#"{"value":{"a":{"field":[{"exists":false}]}}}"#, "{}", true);
    check(r#"{"value":{"field":[{"exists":true}]}}"#, "{}", false);
    check(r#"{"value":{"field":[{"anything-but":["x"]}]}}"#, "{}", false);
    check(r#"{"value":{"field":[null]}}"#, "{}", false);
}

#[test]
fn existence_is_asked_of_leaves_only() {
    check(r#"{"value":{"field":[{"exists":true}]}}"#, r#"{"field":{"a":1}}"#, false);
}

#[test]
fn fields_are_joined_by_and_unless_or_is_said() {
    let and = r#"{"value":{"place":["here"],"day":["Monday"]}}"#;
    check(and, r#"{"place":"here","day":"Monday"}"#, true);
    check(and, r#"{"place":"here","day":"Sunday"}"#, false);
    let or = r#"{"value":{"who":["me"],"$or":[{"place":["here"]},{"day":["Monday"]}]}}"#;
    check(or, r#"{"who":"me","place":"there","day":"Monday"}"#, true);
    check(or, r#"{"who":"me","place":"there","day":"Sunday"}"#, false);
    check(or, r#"{"who":"you","place":"here"}"#, false);
}

#[test]
fn fields_lie_inside_each_other_and_inside_lists() {
    let pattern = r#"{"value":{"a":{"b":["x"]}}}"#;
    check(pattern, r#"{"a":{"b":"x"}}"#, true);
    check(pattern, r#"{"a":[{"b":"y"},{"b":"x"}]}"#, true);
    check(pattern, r#"{"a":"x"}"#, false);
}

#[test]
fn what_lambda_would_refuse_is_refused_in_its_words() {
    for (pattern, detail) in [
        ("[", "it is not JSON: EOF while parsing a list at line 1 column 1"),
        ("[]", "it must be a JSON object"),
        (r#"{"key":["a"]}"#, "for Kafka it may have the key `value` only, not `key`"),
        (r#"{"value":"a"}"#, "`value` must be an object or a list"),
        (r#"{"value":{"a":"b"}}"#, "`a` must be an object, or a list: [value]"),
        (r#"{"value":{"a":[]}}"#, "an empty list lets nothing pass"),
        (r#"{"value":{"a":[["b"]]}}"#, "a list stands inside a list"),
        (r#"{"value":{"a":[{"wildcard":"*"}]}}"#, "there is no operator `wildcard`"),
        (r#"{"value":{"a":[{"prefix":1}]}}"#, "`prefix` must be a string"),
        (r#"{"value":{"a":[{"exists":"yes"}]}}"#, "`exists` must be true or false"),
        (
            r#"{"value":{"a":[{"numeric":[">"]}]}}"#,
            "`numeric` must list comparisons and numbers in turn",
        ),
        (
            r#"{"value":{"a":[{"prefix":"a","suffix":"b"}]}}"#,
            "a condition must have exactly one operator",
        ),
        (
            r#"{"value":{"a":[{"anything-but":[null]}]}}"#,
            "`anything-but` must list strings or numbers",
        ),
        (r#"{"value":{"$or":[{"a":["b"]}]}}"#, "`$or` must list two or more objects"),
        (r#"{"value":{}}"#, "an object without fields says nothing"),
    ] {
        let error = Filters::parse([pattern]).unwrap_err().to_string();
        assert_eq!(error, format!("Invalid filter pattern definition. {detail}"));
    }
    let long = format!(r#"{{"value":["{}"]}}"#, "x".repeat(PATTERN_CHARACTERS_MAX));
    assert!(Filters::parse([long.as_str()]).is_err());
}
