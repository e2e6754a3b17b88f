//! Reads scenario files: TOML, checked as a whole, with a line for every problem.

use std::collections::BTreeMap;
use std::fmt;

use http::{HeaderName, Method};
use serde::Deserialize;
use toml::Spanned;

use crate::scenario::{Kind, Text};

/// Weights are shares: more than this is a mistake.
const WEIGHT_MAX: u32 = 1_000_000;

/// Headers that frame a request; the generator writes them itself.
const FRAMING: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "expect"];

/// Why a file is no scenario: every problem, in the order of their lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.iter().map(|problem| format!("{name}:{problem}")).collect::<Vec<_>>().join("\n"))]
pub struct ScenarioError {
    /// The scenario's or the file's name.
    pub name: String,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Something wrong in a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.line, self.message)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    request: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    weight: Option<Spanned<u32>>,
    method: Option<Spanned<String>>,
    path: Spanned<String>,
    #[serde(default)]
    headers: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    body: Option<Spanned<String>>,
}

/// The kinds of request in `text`.
pub(super) fn kinds(name: &str, text: &str) -> Result<Vec<Kind>, ScenarioError> {
    let failed = |problems| ScenarioError { name: name.to_owned(), problems };
    let file: File = toml::from_str(text).map_err(|error| {
        let line = line_of(text, error.span().map_or(0, |span| span.start));
        failed(vec![Problem { line, message: error.message().replace('\n', ", ") }])
    })?;
    let mut reader = Reader { text, problems: Vec::new() };
    let kinds: Vec<_> = file.request.iter().map(|request| reader.kind(request)).collect();
    let mut problems = reader.problems;
    if kinds.is_empty() {
        problems.push(Problem { line: 1, message: "no `[[request]]`".to_owned() });
    }
    problems.sort();
    if problems.is_empty() { Ok(kinds) } else { Err(failed(problems)) }
}

/// Checks values and remembers what is wrong with them.
struct Reader<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn kind(&mut self, request: &Request) -> Kind {
        let weight = request.weight.as_ref().map_or(1, |weight| {
            if !(1..=WEIGHT_MAX).contains(weight.get_ref()) {
                self.wrong(weight, format!("a weight is a number from 1 to {WEIGHT_MAX}"));
            }
            *weight.get_ref()
        });
        let body = request.body.as_ref().map_or_else(Text::default, |body| self.template(body));
        let usual = if request.body.is_some() { Method::POST } else { Method::GET };
        let method = request.method.as_ref().map_or(usual, |method| {
            method
                .get_ref()
                .parse()
                .ok()
                .filter(|method| *method != Method::CONNECT)
                .unwrap_or_else(|| {
                    self.wrong(method, format!("`{}` is no method", method.get_ref()));
                    Method::GET
                })
        });
        let path = request.path.get_ref();
        if !path.starts_with('/') || path.contains(['#', '"', '<', '>']) || !is_target(path) {
            self.wrong(&request.path, "a path starts with `/` and has no blanks".to_owned());
        }
        let headers = request.headers.iter().filter_map(|header| self.header(header)).collect();
        Kind { weight, method, path: self.template(&request.path), headers, body }
    }

    fn header(
        &mut self,
        (name, value): (&Spanned<String>, &Spanned<String>),
    ) -> Option<(HeaderName, Text)> {
        let Ok(header) = name.get_ref().parse::<HeaderName>() else {
            self.wrong(name, format!("`{}` is no header", name.get_ref()));
            return None;
        };
        if FRAMING.contains(&header.as_str()) {
            self.wrong(name, format!("`{header}` is written by the generator"));
        }
        if value.get_ref().contains(|char: char| char.is_control()) {
            self.wrong(value, format!("`{header}` has a control character"));
        }
        Some((header, self.template(value)))
    }

    fn template(&mut self, value: &Spanned<String>) -> Text {
        Text::parse(value.get_ref()).unwrap_or_else(|flaw| {
            let first_line = flaw.part.lines().next().unwrap_or_default();
            // In a text of many lines the part is further down than where the text starts.
            let offset = self.text.get(value.span()).and_then(|raw| raw.find(first_line));
            let line = line_of(self.text, value.span().start + offset.unwrap_or(0));
            let message = format!(
                "`{first_line}` is none of ${{load_id}}, ${{sequence}}, ${{sequence % N}}, ${{uuid}}, \
                 ${{random A..B}}"
            );
            self.problems.push(Problem { line, message });
            Text::default()
        })
    }

    fn wrong<T>(&mut self, value: &Spanned<T>, message: String) {
        self.problems.push(Problem { line: line_of(self.text, value.span().start), message });
    }
}

/// Whether `path` can be a request's target once its `${…}` are filled in.
fn is_target(path: &str) -> bool {
    let mut outside = true;
    let mut previous = ' ';
    path.chars().all(|char| {
        match (previous, char) {
            ('$', '{') => outside = false,
            (_, '}') => outside = true,
            _ => {}
        }
        previous = char;
        !outside || char.is_ascii_graphic()
    })
}

/// The line of a byte, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
