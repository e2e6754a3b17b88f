//! Text to nodes: what is read, and how it is refused.

use proptest::prelude::*;

use super::*;

/// A node in one line: maps in braces, lists in brackets, nothing as `~`.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Null => "~".to_owned(),
        Value::Text(text) => text.clone(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Map(entries) => {
            let entry = |entry: &Entry| format!("{}: {}", entry.key, shown(&entry.value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::Unresolved(_) => unreachable!("nothing is resolved here"),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(shown(&parse(text).unwrap()), expected);
}

#[track_caller]
fn refuses(text: &str, expected: &str) {
    assert_eq!(parse(text).unwrap_err().to_string(), expected);
}

#[test]
fn keeps_scalars_as_they_are_written() {
    check(
        "a: 0123\nb: 1.50\nc: true\nd: 'null'\ne:\nf: ~",
        "{a: 0123, b: 1.50, c: true, d: null, e: ~, f: ~}",
    );
}

#[test]
fn reads_json() {
    check("{\"a\": [1, \"x\"], \"b\": {\"c\": null}}", "{a: [1, x], b: {c: ~}}");
}

#[test]
fn reads_json_that_is_indented_with_tabs() {
    check("{\n\t\"a\": {\n\t\t\"b\": [\n\t\t\t1\n\t\t]\n\t}\n}\n", "{a: {b: [1]}}");
}

#[test]
fn writes_short_tags_in_their_long_form() {
    check("a: !Ref B", "{a: {Ref: B}}");
    check("a: !GetAtt B.Arn", "{a: {Fn::GetAtt: B.Arn}}");
    check(
        "a: !Join ['-', [!Ref B, !Sub '${C}']]",
        "{a: {Fn::Join: [-, [{Ref: B}, {Fn::Sub: ${C}}]]}}",
    );
    check("a: !Not [!Condition B]", "{a: {Fn::Not: [{Condition: B}]}}");
    check("a: !Base64\n  Fn::Sub: x", "{a: {Fn::Base64: {Fn::Sub: x}}}");
}

#[test]
fn knows_the_line_and_column_of_keys_and_values() {
    let root = parse("one: 1\ntwo:\n  three: !Ref X\n  four:   [5, 6]\n").unwrap();
    let two = &root.entries()[1];
    assert_eq!(two.position, Position { line: 2, column: 1 });
    let three = &two.value.entries()[0];
    assert_eq!(three.position, Position { line: 3, column: 3 });
    assert_eq!(three.value.position, Position { line: 3, column: 10 });
    let four = &two.value.entries()[1].value;
    assert_eq!(four.as_list().unwrap()[1].position, Position { line: 4, column: 15 });
}

#[test]
fn ignores_a_byte_order_mark() {
    check("\u{feff}a: 1", "{a: 1}");
}

#[test]
fn repeats_what_an_alias_names() {
    check("a: &x [1, 2]\nb: *x", "{a: [1, 2], b: [1, 2]}");
}

#[test]
fn refuses_what_is_not_one_document() {
    refuses("", "1:1 the template is empty");
    refuses("a: 1\n---\nb: 2\n", "2:1 a second document starts here, a template is one document");
}

#[test]
fn refuses_a_key_given_twice() {
    refuses("a:\n  b: 1\n  b: 2\n", "3:3 a.b: the key `b` is given twice");
}

#[test]
fn refuses_keys_that_are_not_words() {
    refuses("? [1, 2]\n: 3\n", "1:3 a key must be a plain word");
    refuses(
        "a: &x {b: 1}\nc:\n  <<: *x\n",
        "3:3 c.<<: merge keys (`<<`) are not part of CloudFormation",
    );
}

#[test]
fn names_a_tab_as_the_culprit() {
    refuses("a:\n\tb: 1\n", "2:1 a: a tab is used for indentation (indent with spaces)");
    refuses(
        "a:\n  b: word\n \tc: 1\n",
        "3:2 a.b: a tab is used for indentation (indent with spaces)",
    );
}

#[test]
fn asks_about_the_indentation_of_a_line_that_fits_nowhere() {
    refuses(
        "a:\n    b: 1\n   c: 2\n",
        "3:4 while parsing a block mapping, did not find expected key (is this line indented like \
         the others of its map?)",
    );
}

#[test]
fn refuses_tags_that_it_does_not_know() {
    refuses("a: !Foo b\n", "1:4 a: the tag `!Foo` is not known");
}

#[test]
fn refuses_what_is_nested_too_deeply() {
    let text = format!("{}{}", "[".repeat(70), "]".repeat(70));
    let problem = parse(&text).unwrap_err();
    assert_eq!(problem.message, "nested deeper than 64 levels");
}

#[test]
fn ends_soon_on_nesting_without_end() {
    for opening in ["[", "- ", "? ", "{a: ", "!Ref ", "a: &x "] {
        let text = opening.repeat(TEMPLATE_BYTES_MAX / opening.len());
        assert!(parse(&text).is_err(), "{opening}");
    }
}

#[test]
fn refuses_aliases_that_multiply() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        text.extend([format!("a{level}: &a{level} [{below}]\n")]);
    }
    let problem = parse(&text).unwrap_err();
    assert_eq!(problem.message, "more than 200000 values once its aliases are expanded");
}

#[test]
fn refuses_an_alias_within_its_own_anchor() {
    refuses("a: &x [*x]\n", "1:8 a.0: the alias refers to itself");
}

#[test]
fn refuses_a_text_over_the_limit() {
    let problem = parse(&" ".repeat(TEMPLATE_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(problem.message, "the template has 1048577 bytes, at most 1048576 are allowed");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        drop(parse(&text));
    }

    #[test]
    fn text_made_of_yaml_never_panics(text in r#"([ \t\n\[\]{}:,&*!|>'"%@`?#~<-]|a|\$\{|Ref|---){0,60}"#) {
        drop(parse(&text));
    }
}
