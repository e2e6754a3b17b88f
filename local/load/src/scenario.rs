//! What a request looks like: method, path, and a body made from the run's id and the request's
//! sequence number.
//!
//! Pure: the same numbers give the same bytes, so a run can be repeated and its bodies recognised.

use std::borrow::Cow;
use std::fmt::Write;

use bytes::Bytes;

use crate::run_id::RunId;

/// Room for a body of the built-in scenarios, so that it grows at most once.
const BODY_BYTES_USUAL: usize = 192;

/// One kind of request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name, for the outcome file.
    pub name: String,
    /// The method.
    pub method: http::Method,
    /// The path, with a query where there is one.
    pub path: String,
    /// The body, in pieces; sent as `application/json`.
    pub body: Vec<Piece>,
}

/// A piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This text.
    Text(Cow<'static, str>),
    /// The request's own id, `<run>-<sequence>`. Every body should carry it as `load_id`.
    LoadId,
    /// The remainder of the sequence number: so many different values in turn.
    SequenceModulo(u64),
}

impl Scenario {
    /// The scenario of that name that comes with the generator: `events`.
    pub fn built_in(name: &str) -> Option<Self> {
        (name == "events").then(Self::events)
    }

    /// Page views of a thousand users, for `POST /register_event`.
    fn events() -> Self {
        let text = |text: &'static str| Piece::Text(Cow::Borrowed(text));
        Self {
            name: "events".to_owned(),
            method: http::Method::POST,
            path: "/register_event".to_owned(),
            body: vec![
                text(r#"{"load_id":""#),
                Piece::LoadId,
                text(r#"","user_id":"u"#),
                Piece::SequenceModulo(1_000),
                text(r#"","event_type":"page_view","payload":{"path":"/products/"#),
                Piece::SequenceModulo(50),
                text(r#""}}"#),
            ],
        }
    }

    /// The body of request `sequence` of `run`.
    pub fn body(&self, run: RunId, sequence: u64) -> Bytes {
        let mut body = String::with_capacity(BODY_BYTES_USUAL);
        for piece in &self.body {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::LoadId => push(&mut body, format_args!("{run}-{sequence}")),
                Piece::SequenceModulo(count) => {
                    push(&mut body, format_args!("{}", sequence.checked_rem(*count).unwrap_or(0)));
                }
            }
        }
        Bytes::from(body)
    }
}

fn push(body: &mut String, arguments: std::fmt::Arguments<'_>) {
    body.write_fmt(arguments).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_carry_the_generators_own_id() {
        let scenario = Scenario::built_in("events").unwrap();
        let run: RunId = "0000beef".parse().unwrap();
        assert_eq!((scenario.method.as_str(), scenario.path.as_str()), ("POST", "/register_event"));
        assert_eq!(
            scenario.body(run, 12_345),
            r#"{"load_id":"0000beef-12345","user_id":"u345","event_type":"page_view","payload":{"path":"/products/45"}}"#
        );
    }

    #[test]
    fn there_is_no_other_scenario_yet() {
        assert_eq!(Scenario::built_in("orders"), None);
    }

    #[test]
    fn a_remainder_of_nothing_is_zero() {
        let mut scenario = Scenario::events();
        scenario.body = vec![Piece::SequenceModulo(0)];
        assert_eq!(scenario.body(RunId::random(), 7), "0");
    }
}
