//! Typed reading of a value, with every misfit reported under its line and keys.
//! It knows types and ranges, never what a property is for.

use std::{cell::RefCell, ops::RangeInclusive};

use crate::{
    findings::{Findings, Position, Problem},
    node::{Entry, Node, Unresolved, Value},
};

/// How far a misspelt key may be from a real one to be suggested.
const TYPOS_MAX: usize = 2;

/// A value and the keys that lead to it.
#[derive(Clone, Debug)]
pub(crate) struct Place<'t> {
    node: &'t Node,
    /// Where a problem with it is shown: the value, or the key of a list or map.
    position: Position,
    path: String,
    findings: &'t Findings,
}

impl<'t> Place<'t> {
    /// The value `node` under `key`, which stands at `key_position`.
    pub(crate) fn new(
        node: &'t Node,
        key_position: Position,
        path: String,
        findings: &'t Findings,
    ) -> Self {
        let position = match node.value {
            Value::Null | Value::List(_) | Value::Map(_) => key_position,
            Value::Text(_) | Value::Unresolved(_) => node.position,
        };
        Self { node, position, path, findings }
    }

    pub(crate) fn node(&self) -> &'t Node {
        self.node
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn problem(&self, message: impl Into<String>) {
        self.problem_with_hint(message, None);
    }

    pub(crate) fn problem_with_hint(&self, message: impl Into<String>, hint: Option<String>) {
        let (position, path) = (self.position, self.path.clone());
        self.findings.problem(Problem { position, path, message: message.into(), hint });
    }

    pub(crate) fn warning(&self, message: impl Into<String>) {
        self.findings.warning(self.position, message);
    }

    pub(crate) fn text(&self) -> Option<&'t str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => self.misfit("a single value"),
        }
    }

    pub(crate) fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let text = self.text()?;
        let (low, high) = (range.start(), range.end());
        match text.parse::<i64>() {
            Ok(number) if range.contains(&number) => Some(number),
            Ok(number) => {
                self.problem(format!("must be between {low} and {high}, not {number}"));
                None
            }
            Err(_) => {
                self.problem(format!("must be a whole number, not `{text}`"));
                None
            }
        }
    }

    /// An integer in a range that lies within what a `u32` holds.
    pub(crate) fn count(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.integer((*range.start()).into()..=(*range.end()).into())?;
        Some(u32::try_from(number).expect("the range lies within u32"))
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.text()? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            text => {
                self.problem(format!("must be true or false, not `{text}`"));
                None
            }
        }
    }

    pub(crate) fn items(&self) -> Option<Vec<Self>> {
        let Some(items) = self.node.as_list() else { return self.misfit("a list") };
        let place = |(index, node)| {
            Self::new(node, node.position, format!("{}.{index}", self.path), self.findings)
        };
        Some(items.iter().enumerate().map(place).collect())
    }

    /// A list of texts, without those that are not.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        let items = self.items()?;
        Some(items.iter().filter_map(Self::text).map(str::to_owned).collect())
    }

    /// The entries of a map with keys of the author's own choice.
    pub(crate) fn pairs(&self) -> Option<Vec<(&'t str, Self)>> {
        let Value::Map(entries) = &self.node.value else { return self.misfit("a map") };
        let pair = |entry: &'t Entry| (entry.key.as_str(), self.child(entry));
        Some(entries.iter().map(pair).collect())
    }

    pub(crate) fn text_map(&self) -> Option<std::collections::BTreeMap<String, String>> {
        let pairs = self.pairs()?;
        let text = |(key, place): (&str, Self)| Some((key.to_owned(), place.text()?.to_owned()));
        Some(pairs.into_iter().filter_map(text).collect())
    }

    /// The entries of a map with known keys.
    pub(crate) fn fields(&self) -> Option<Fields<'t>> {
        match &self.node.value {
            Value::Map(entries) => {
                Some(Fields { place: self.clone(), entries, known: RefCell::default() })
            }
            _ => self.misfit("a map"),
        }
    }

    /// Reports why a value is not known, unless that is done.
    pub(crate) fn unknown(&self, why: &Unresolved) {
        match why {
            Unresolved::Reported => {}
            Unresolved::Because { message, hint } => self.problem_with_hint(message, hint.clone()),
        }
    }

    /// Reports that this is not what was wanted, or why it is not known.
    fn misfit<T>(&self, wanted: &str) -> Option<T> {
        match &self.node.value {
            Value::Unresolved(why) => self.unknown(why),
            Value::Null => self.problem("has no value"),
            _ => self.problem(format!("must be {wanted}, not {}", self.node.kind())),
        }
        None
    }

    /// A value somewhere else in the template, for whoever holds this place only.
    pub(crate) fn elsewhere<'n>(&self, node: &'n Node, path: String) -> Place<'n>
    where
        't: 'n,
    {
        Place::new(node, node.position, path, self.findings)
    }

    /// The same place, as if it held an empty map.
    pub(crate) fn emptied(&self) -> Self {
        const EMPTY: &Node =
            &Node { position: Position { line: 1, column: 1 }, value: Value::Map(Vec::new()) };
        Self { node: EMPTY, ..self.clone() }
    }

    fn child(&self, entry: &'t Entry) -> Self {
        let path = format!("{}.{}", self.path, entry.key);
        Self::new(&entry.value, entry.position, path, self.findings)
    }
}

/// The entries of a map with known keys. Whoever reads it says which they are, and `finish`
/// reports the rest.
#[derive(Debug)]
pub(crate) struct Fields<'t> {
    place: Place<'t>,
    entries: &'t [Entry],
    known: RefCell<Vec<&'static str>>,
}

impl<'t> Fields<'t> {
    /// The map itself.
    pub(crate) fn place(&self) -> &Place<'t> {
        &self.place
    }

    pub(crate) fn optional(&self, key: &'static str) -> Option<Place<'t>> {
        self.known.borrow_mut().push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let place = self.place.child(entry);
        if entry.value.value == Value::Null {
            place.problem("has no value");
            return None;
        }
        Some(place)
    }

    pub(crate) fn required(&self, key: &'static str) -> Option<Place<'t>> {
        let place = self.optional(key);
        if place.is_none() && !self.entries.iter().any(|entry| entry.key == key) {
            self.place.problem(format!("`{key}` is missing"));
        }
        place
    }

    /// Keys that are accepted and have no effect here.
    pub(crate) fn inert(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend(keys);
    }

    /// Reports each of `keys` that is there.
    pub(crate) fn refuse(&self, keys: &[&'static str], message: &str) {
        for place in keys.iter().filter_map(|key| self.optional(key)) {
            place.problem(message);
        }
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        let known = self.known.into_inner();
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let findings = self.place.findings;
            findings.problem(Problem {
                position: entry.position,
                path: format!("{}.{}", self.place.path, entry.key),
                message: "is not a property that is known here".to_owned(),
                hint: suggestion(&entry.key, known.iter().copied()),
            });
        }
    }
}

/// The one of `known` that `word` may be a misspelling of, as a question.
pub(crate) fn suggestion<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<String> {
    let near = known
        .into_iter()
        .filter(|known| known.len().abs_diff(word.len()) <= TYPOS_MAX)
        .map(|known| (distance(known, word), known))
        .min()
        .filter(|(distance, _)| *distance <= TYPOS_MAX);
    near.map(|(_, known)| format!("did you mean `{known}`?"))
}

/// How many letters must be added, removed or replaced; letter case is free.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.to_ascii_lowercase(), right.to_ascii_lowercase());
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
