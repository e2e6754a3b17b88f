//! Event filtering of event source mappings: which Kafka records a function gets to see.
//!
//! Pure: patterns and records in, yes or no out. The template's reader checks patterns with it, the
//! poller applies them.
//!
//! Written here because what there is does something else: `quamina` compares numbers by value,
//! where Lambda compares their text, and has no `$or`; it is made for thousands of patterns, a
//! mapping has ten.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-filtering.html>, whose table decides
//! what happens to a record that is not what its pattern expects: it passes.

mod condition;
mod pattern;

use serde_json::Value;

use crate::pattern::{Pattern, Subject};

/// The most characters of a pattern.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Filter.html>
pub const PATTERN_CHARACTERS_MAX: usize = 4_096;

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid filter pattern definition. {detail}")]
pub struct PatternError {
    detail: String,
}

impl PatternError {
    fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into() }
    }
}

/// The filters of a mapping: a record passes if one of them lets it pass, or if there are none.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    patterns: Vec<Pattern>,
}

impl Filters {
    /// Reads `FilterCriteria.Filters[].Pattern`, each a JSON text.
    ///
    /// # Errors
    ///
    /// [`PatternError`] for the first text that Lambda would refuse.
    pub fn parse<'t>(patterns: impl IntoIterator<Item = &'t str>) -> Result<Self, PatternError> {
        let patterns = patterns.into_iter().map(Pattern::parse).collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    /// Whether there are none, so that every record passes.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a record with this value passes.
    pub fn pass(&self, value: Option<&[u8]>) -> bool {
        if self.patterns.is_empty() {
            return true;
        }
        let json: Value;
        let subject = match value.and_then(|value| std::str::from_utf8(value).ok()) {
            // A tombstone, or not text: there is nothing to filter by.
            None => return true,
            Some(text) => {
                json = serde_json::from_str(text).unwrap_or_default();
                // A number or a quoted string alone is taken for text.
                if json.is_object() || json.is_array() {
                    Subject::Json(&json)
                } else {
                    Subject::Text(text)
                }
            }
        };
        self.patterns.iter().any(|pattern| pattern.matches(subject))
    }
}

#[cfg(test)]
mod tests;
