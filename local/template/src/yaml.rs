//! A template's text as nodes: YAML 1.2 (and so JSON), CloudFormation's short tags in their long
//! form, everything bounded. It must not know what any key means.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::{
    findings::{Position, Problem},
    node::{Entry, Node, Value},
};

/// The size of a template that CloudFormation takes from S3.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub(crate) const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;

/// Deeper than any real template, shallow enough to walk by recursion.
const DEPTH_MAX: usize = 64;

/// What a template may grow to once its aliases are expanded: ten times the largest real ones.
const NODES_MAX: usize = 200_000;

/// The functions that have a short tag (`!Sub`), apart from `!Ref` and `!Condition`.
const SHORT_FUNCTIONS: [&str; 19] = [
    "Fn::And",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Contains",
    "Fn::Equals",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Length",
    "Fn::Not",
    "Fn::Or",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
    "Fn::ToJsonString",
    "Fn::Transform",
];

/// Reads one document.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > TEMPLATE_BYTES_MAX {
        return Err(too_large(text.len() as u64));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
        path: Vec::new(),
    };
    reader.document()
}

pub(crate) fn too_large(size_bytes: u64) -> Problem {
    Problem {
        position: Position { line: 1, column: 1 },
        path: String::new(),
        message: format!(
            "the template has {size_bytes} bytes, at most {TEMPLATE_BYTES_MAX} are allowed"
        ),
        hint: None,
    }
}

struct Reader<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    /// Finished anchors: an alias to one that is not here refers to itself.
    anchors: BTreeMap<usize, Anchor>,
    /// Nodes made so far, those that anchors keep and aliases repeat included.
    nodes: usize,
    path: Vec<String>,
}

struct Anchor {
    node: Node,
    nodes: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Node, Problem> {
        let start = Position { line: 1, column: 1 };
        loop {
            let (event, _) = self.next()?;
            match event {
                Event::DocumentStart(_) => break,
                Event::StreamEnd => return Err(self.problem(start, "the template is empty")),
                _ => {}
            }
        }
        let (event, span) = self.next()?;
        let (root, _) = self.node(event, span, 0)?;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::DocumentStart(_) => {
                    let message = "a second document starts here, a template is one document";
                    return Err(self.problem(position(span.start), message));
                }
                Event::StreamEnd => return Ok(root),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// The node that starts with `event`, and how deep it is.
    fn node(
        &mut self,
        event: Event<'t>,
        span: Span,
        depth: usize,
    ) -> Result<(Node, usize), Problem> {
        let at = position(span.start);
        self.count(1, at)?;
        if depth >= DEPTH_MAX {
            return Err(self.problem(at, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let first = self.nodes;
        let (value, anchor, tag, below) = match event {
            Event::Alias(id) => return self.alias(id, at, depth),
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(text.into_owned(), style, tag.as_deref()), anchor, tag, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                let (items, below) = self.list(depth)?;
                (Value::List(items), anchor, tag, below)
            }
            Event::MappingStart(anchor, tag) => {
                let (entries, below) = self.map(depth)?;
                (Value::Map(entries), anchor, tag, below)
            }
            _ => return Err(self.problem(at, "a value is missing")),
        };
        let node = self.tagged(Node { position: at, value }, tag.as_deref())?;
        let anchored = Anchor { node, nodes: self.nodes - first + 1, depth: below + 1 };
        if anchor == 0 {
            return Ok((anchored.node, anchored.depth));
        }
        self.count(anchored.nodes, at)?;
        let result = (anchored.node.clone(), anchored.depth);
        self.anchors.insert(anchor, anchored);
        Ok(result)
    }

    fn alias(&mut self, id: usize, at: Position, depth: usize) -> Result<(Node, usize), Problem> {
        let Some(anchor) = self.anchors.get(&id) else {
            return Err(self.problem(at, "the alias refers to itself"));
        };
        let (nodes, below) = (anchor.nodes, anchor.depth);
        if depth + below > DEPTH_MAX {
            return Err(self.problem(at, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        self.count(nodes, at)?;
        let node = self.anchors.get(&id).expect("it was found above").node.clone();
        Ok((node, below))
    }

    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, usize), Problem> {
        let (mut items, mut below) = (Vec::new(), 0);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((items, below));
            }
            self.path.push(items.len().to_string());
            let (node, node_depth) = self.node(event, span, depth + 1)?;
            self.path.pop();
            below = below.max(node_depth);
            items.push(node);
        }
    }

    fn map(&mut self, depth: usize) -> Result<(Vec<Entry>, usize), Problem> {
        let (mut entries, mut below, mut keys) = (Vec::new(), 0, BTreeSet::new());
        loop {
            let (event, span) = self.next()?;
            let at = position(span.start);
            let key = match event {
                Event::MappingEnd => return Ok((entries, below)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(self.problem(at, "a key must be a plain word")),
            };
            self.path.push(key.clone());
            if key == "<<" {
                let message = "merge keys (`<<`) are not part of CloudFormation";
                return Err(self.problem(at, message));
            }
            if !keys.insert(key.clone()) {
                return Err(self.problem(at, format!("the key `{key}` is given twice")));
            }
            let (event, span) = self.next()?;
            let (value, value_depth) = self.node(event, span, depth + 1)?;
            self.path.pop();
            below = below.max(value_depth);
            entries.push(Entry { key, position: at, value });
        }
    }

    /// The long form of a value with one of CloudFormation's short tags.
    fn tagged(&self, node: Node, tag: Option<&Tag>) -> Result<Node, Problem> {
        let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) else { return Ok(node) };
        let position = node.position;
        let word = match (tag.handle.as_str(), tag.suffix.as_str()) {
            ("!", word) => word,
            ("", word) => word.trim_start_matches('!'),
            _ => "",
        };
        let key = match word {
            "Ref" | "Condition" => word.to_owned(),
            // `! text` is YAML for "a string, whatever it looks like".
            "" if tag.handle.is_empty() || tag.handle == "!" => return Ok(node),
            _ => format!("Fn::{word}"),
        };
        if key.starts_with("Fn::") && !SHORT_FUNCTIONS.contains(&key.as_str()) {
            let message = format!("the tag `{}{}` is not known", tag.handle, tag.suffix);
            return Err(self.problem(position, message));
        }
        Ok(Node { position, value: Value::Map(vec![Entry { key, position, value: node }]) })
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), Problem> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            let message = format!("more than {NODES_MAX} values once its aliases are expanded");
            return Err(self.problem(at, message));
        }
        Ok(())
    }

    /// What keeps the text from being YAML. The parser notices a tab, or a line that is not indented
    /// like its neighbours, only when it makes no sense of what it has read.
    fn syntax(&self, error: &ScanError) -> Problem {
        let at = position(*error.marker());
        let indented_by_tab = |(_, line): &(usize, &str)| {
            line.trim_start_matches(' ').starts_with('\t') && !line.trim_start().is_empty()
        };
        let mut lines = self.text.lines().enumerate().skip(at.line - 1).take(2);
        if let Some((index, line)) = lines.find(indented_by_tab) {
            let column = line.find('\t').unwrap_or_default() + 1;
            let mut problem =
                self.problem(Position { line: index + 1, column }, "a tab is used for indentation");
            problem.hint = Some("indent with spaces".to_owned());
            return problem;
        }
        let mut problem = self.problem(at, error.info());
        if error.info().contains("block mapping") {
            problem.hint = Some("is this line indented like the others of its map?".to_owned());
        }
        problem
    }

    fn problem(&self, position: Position, message: impl Into<String>) -> Problem {
        Problem { position, path: self.path.join("."), message: message.into(), hint: None }
    }
}

/// Only a plain scalar can be nothing; `"null"` is a word.
fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let empty = matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
    if empty && style == ScalarStyle::Plain && tag.is_none() {
        return Value::Null;
    }
    Value::Text(text)
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests;
