//! Scenarios as people write them, and what they are told about their mistakes.

use super::*;

fn run() -> RunId {
    "0000beef".parse().unwrap()
}

fn body(scenario: &Scenario, sequence: u64) -> String {
    String::from_utf8(scenario.body(run(), sequence)).unwrap()
}

#[track_caller]
fn problems(text: &str) -> String {
    Scenario::parse("s.toml", text).unwrap_err().to_string()
}

#[test]
fn every_built_in_scenario_can_be_read() {
    for name in Scenario::names() {
        assert_eq!(Scenario::built_in(name).unwrap().name(), name);
    }
    assert_eq!(Scenario::built_in("nothing"), None);
}

#[test]
fn events_carry_the_generators_own_id() {
    let scenario = Scenario::built_in("events").unwrap();
    assert_eq!(scenario.kinds()[0].method, Method::POST);
    assert_eq!(
        body(&scenario, 12_345),
        r#"{"load_id":"0000beef-12345","user_id":"u345","event_type":"page_view","payload":{"path":"/products/45"}}"#
    );
}

#[test]
fn orders_are_of_items_that_the_template_has() {
    let template = include_str!("../../../../template.yaml");
    let stock = template.lines().find(|line| line.contains("Default: pizza=")).unwrap();
    let scenario = Scenario::built_in("orders").unwrap();
    for sequence in 0..100 {
        let order: serde_json::Value = serde_json::from_str(&body(&scenario, sequence)).unwrap();
        let item = order["item"].as_str().unwrap();
        assert!(stock.contains(&format!("{item}=")), "{order}");
        assert!((1..=3).contains(&order["quantity"].as_u64().unwrap()), "{order}");
        assert_eq!(order["load_id"], format!("0000beef-{sequence}"));
    }
}

#[test]
fn templates_are_filled_in_the_same_way_every_time() {
    let text = r#"[[request]]
path = "/"
body = "${load_id} ${sequence} ${ sequence % 7 } ${uuid} ${random 5..6} $${uuid} $5 {}"
"#;
    let scenario = Scenario::parse("s", text).unwrap();
    let once = body(&scenario, 9);
    assert_eq!(once, body(&scenario, 9));
    assert_ne!(once, body(&scenario, 10));
    let words: Vec<_> = once.split(' ').collect();
    assert_eq!(words[..3], ["0000beef-9", "9", "2"]);
    assert_eq!(uuid::Uuid::parse_str(words[3]).unwrap().get_version_num(), 4);
    assert!(["5", "6"].contains(&words[4]));
    assert_eq!(words[5..], ["${uuid}", "$5", "{}"]);
}

#[test]
fn kinds_come_as_often_as_their_weights_say() {
    let text = r#"
[[request]]
weight = 9
path = "/register_event"
body = "write"
[[request]]
path = "/get_status"
"#;
    let scenario = Scenario::parse("s", text).unwrap();
    assert_eq!(scenario.kinds()[1].method, Method::GET, "there is no body");
    let writes = (0..10_000).filter(|sequence| scenario.choose(run(), *sequence) == 0).count();
    assert!((8_800..9_200).contains(&writes), "{writes}");
}

#[test]
fn every_problem_is_told_with_its_line() {
    let text = r#"[[request]]
weight = 0
method = "GE T"
path = "nowhere"
headers = { "content-length" = "1", "a b" = "x", x = "${uuid", y = "a\u0000b" }
body = '''
{
  "id": "${load-id}"
}'''
"#;
    assert_eq!(
        problems(text),
        "s.toml:2: a weight is a number from 1 to 1000000\n\
         s.toml:3: `GE T` is no method\n\
         s.toml:4: a path starts with `/` and has no blanks\n\
         s.toml:5: `${uuid` is none of ${load_id}, ${sequence}, ${sequence % N}, ${uuid}, ${random A..B}\n\
         s.toml:5: `a b` is no header\n\
         s.toml:5: `content-length` is written by the generator\n\
         s.toml:5: `y` has a control character\n\
         s.toml:8: `${load-id}` is none of ${load_id}, ${sequence}, ${sequence % N}, ${uuid}, ${random A..B}"
    );
}

#[test]
fn wrong_toml_and_unknown_names_are_told_with_their_line() {
    assert!(problems("[[request]]\npath = /x\n").starts_with("s.toml:2: "));
    assert!(
        problems("[[request]]\npath = \"/\"\nwieght = 1\n")
            .starts_with("s.toml:3: unknown field `wieght`")
    );
    assert!(problems("[[request]]\nbody = \"\"\n").contains("missing field `path`"));
    assert!(problems("").contains("missing field `request`"));
    assert_eq!(problems("request = []"), "s.toml:1: no `[[request]]`");
    for wrong in ["${sequence % 0}", "${random 2..1}", "${random 2}", "${}"] {
        let text = format!("[[request]]\npath = \"/\"\nbody = \"{wrong}\"");
        assert!(problems(&text).starts_with(&format!("s.toml:3: `{wrong}` is none of")), "{wrong}");
    }
}

#[test]
fn a_path_may_be_a_template() {
    let text = "[[request]]\npath = \"/users/${sequence % 10}?id=${random 1..9}\"";
    assert!(Scenario::parse("s", text).is_ok());
    assert!(problems("[[request]]\npath = \"/a b\"").contains("no blanks"));
}

#[test]
fn a_scenario_is_anonymous_where_one_kind_of_body_lacks_its_id() {
    let named = "[[request]]\npath = \"/\"\nbody = '{\"load_id\":\"${load_id}\"}'\n";
    let nameless = "[[request]]\npath = \"/${load_id}\"\n";
    assert!(!Scenario::parse("x", named).unwrap().is_anonymous());
    assert!(Scenario::parse("x", &format!("{named}{nameless}")).unwrap().is_anonymous());
    assert!(!Scenario::built_in("events").unwrap().is_anonymous());
}
