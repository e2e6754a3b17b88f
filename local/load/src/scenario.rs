//! What requests look like: a few kinds with weights, each with a method, a path, headers and a body
//! that are templates.
//!
//! Pure: the same run and sequence number give the same bytes, so that a run can be repeated and its
//! bodies recognised.

mod file;
mod text;

use fastrand::Rng;
use http::{HeaderName, Method};

pub use self::file::{Problem, ScenarioError};
pub(crate) use self::text::Text;
use crate::run_id::RunId;

/// The scenarios that come with the generator.
const BUILT_IN: [(&str, &str); 2] = [
    ("events", include_str!("../scenarios/events.toml")),
    ("orders", include_str!("../scenarios/orders.toml")),
];

/// Separates the numbers that choose a kind from those that fill its templates.
const CHOICE: u64 = 0x9e37_79b9_7f4a_7c15;

/// What to send: one kind of request, or several that take turns by chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    name: String,
    kinds: Vec<Kind>,
}

/// One kind of request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kind {
    pub(crate) weight: u32,
    pub(crate) method: Method,
    pub(crate) path: Text,
    pub(crate) headers: Vec<(HeaderName, Text)>,
    pub(crate) body: Text,
}

impl Scenario {
    /// The scenario of that name that comes with the generator.
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(name, text).expect("a test reads all of them"))
    }

    /// The names of the scenarios that come with the generator.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The scenario in `text`, a TOML file; the generator's README tells what may be in it.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        Ok(Self { name: name.to_owned(), kinds: file::kinds(name, text)? })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether some requests do not carry their own id in the body.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.kinds.iter().any(|kind| !kind.body.names_request())
    }

    /// The kinds of request; at least one.
    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The place of the kind of request `sequence`.
    pub(crate) fn choose(&self, run: RunId, sequence: u64) -> usize {
        let total = self.kinds.iter().map(|kind| u64::from(kind.weight)).sum();
        if self.kinds.len() == 1 {
            return 0;
        }
        let mut left = chance(run, sequence ^ CHOICE).u64(0..total);
        let passed = |kind: &Kind| {
            let weight = u64::from(kind.weight);
            let passed = left >= weight;
            left = left.saturating_sub(weight);
            passed
        };
        self.kinds.iter().map(passed).take_while(|passed| *passed).count()
    }

    /// The body of request `sequence` of `run`.
    pub fn body(&self, run: RunId, sequence: u64) -> Vec<u8> {
        let mut body = Vec::new();
        let kind = &self.kinds[self.choose(run, sequence)];
        kind.body.render(&mut Values::new(run, sequence), &mut body);
        body
    }
}

/// What the templates of one request are filled with. Its headers, path and body are rendered in
/// any order: each asks for chance of its own.
#[derive(Debug)]
pub(crate) struct Values {
    pub(crate) run: RunId,
    pub(crate) sequence: u64,
    chance: Option<Rng>,
}

impl Values {
    pub(crate) fn new(run: RunId, sequence: u64) -> Self {
        Self { run, sequence, chance: None }
    }

    /// Chance that is the same in every repetition.
    pub(crate) fn chance(&mut self) -> &mut Rng {
        self.chance.get_or_insert_with(|| chance(self.run, self.sequence))
    }
}

fn chance(run: RunId, salt: u64) -> Rng {
    Rng::with_seed(u64::from(run.number()) << 32 ^ salt)
}

#[cfg(test)]
mod tests;
