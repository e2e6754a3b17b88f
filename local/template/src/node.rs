//! The tree of a template: values that know their line and column.
//! Intrinsic functions stand in it in their long form; nothing is evaluated here.

use crate::findings::Position;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) value: Value,
}

/// What a node holds. Numbers and booleans stay the text they were written as, since
/// CloudFormation takes each for the other wherever the text fits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// A value that has no meaning here; an error only where something simulated needs it.
    Unresolved(Unresolved),
}

/// Why a value could not be worked out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unresolved {
    /// Its cause is reported already, where it stands.
    Reported,
    Because {
        message: String,
        hint: Option<String>,
    },
}

/// A key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) position: Position,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn text(position: Position, text: impl Into<String>) -> Self {
        Self { position, value: Value::Text(text.into()) }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) | Value::Unresolved(_) => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            Value::Null | Value::Text(_) | Value::Map(_) | Value::Unresolved(_) => None,
        }
    }

    /// The entries of a map; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Text(_) | Value::List(_) | Value::Unresolved(_) => &[],
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The name and the argument of an intrinsic function: `Ref` or `Fn::…`, alone in its map.
    pub(crate) fn intrinsic(&self) -> Option<(&str, &Self)> {
        match self.entries() {
            [Entry { key, value, .. }] if key == "Ref" || key.starts_with("Fn::") => {
                Some((key, value))
            }
            _ => None,
        }
    }

    /// What a person would call this kind of value.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Text(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Unresolved(_) => "a value that is not known here",
        }
    }
}
