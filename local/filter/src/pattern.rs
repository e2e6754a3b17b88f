//! A pattern: conditions on the fields of a record's value, or on the value as text.

use serde_json::{Map, Value};

use crate::condition::Condition;
use crate::{PATTERN_CHARACTERS_MAX, PatternError};

/// The one key that a Kafka pattern may have.
const VALUE: &str = "value";

/// The operator between several fields.
const OR: &str = "$or";

/// One filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pattern {
    /// It does not look at the value.
    Everything,
    Json(Fields),
    Text(Vec<Condition>),
}

/// A record's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    Json(&'a Value),
    Text(&'a str),
}

/// Conditions on fields, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields {
    all: Vec<(String, Field)>,
    /// For each `$or`, fields of which one must hold.
    any: Vec<Vec<Self>>,
}

/// What a field must be.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Inside(Fields),
    /// One of these.
    Leaf(Vec<Condition>),
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        if text.chars().count() > PATTERN_CHARACTERS_MAX {
            let detail = format!("it has more than {PATTERN_CHARACTERS_MAX} characters");
            return Err(PatternError::new(detail));
        }
        let pattern: Value = serde_json::from_str(text)
            .map_err(|error| PatternError::new(format!("it is not JSON: {error}")))?;
        let Value::Object(keys) = pattern else {
            return Err(PatternError::new("it must be a JSON object"));
        };
        if let Some(key) = keys.keys().find(|key| *key != VALUE) {
            let detail = format!("for Kafka it may have the key `{VALUE}` only, not `{key}`");
            return Err(PatternError::new(detail));
        }
        match keys.get(VALUE) {
            None => Ok(Self::Everything),
            Some(Value::Object(fields)) => Ok(Self::Json(Fields::parse(fields)?)),
            Some(Value::Array(conditions)) => Ok(Self::Text(parse_conditions(conditions)?)),
            Some(_) => Err(PatternError::new(format!("`{VALUE}` must be an object or a list"))),
        }
    }

    pub(crate) fn matches(&self, subject: Subject<'_>) -> bool {
        match (self, subject) {
            (Self::Json(fields), Subject::Json(value)) => fields.hold(value),
            (Self::Text(conditions), Subject::Text(text)) => {
                let value = Value::String(text.to_owned());
                conditions.iter().any(|condition| condition.holds(&value))
            }
            // What is not of the pattern's kind is filtered by the other properties only, and
            // Kafka has none that a pattern may name.
            (Self::Everything | Self::Json(_) | Self::Text(_), _) => true,
        }
    }
}

impl Fields {
    fn parse(fields: &Map<String, Value>) -> Result<Self, PatternError> {
        let mut parsed = Self::default();
        if fields.is_empty() {
            return Err(PatternError::new("an object without fields says nothing"));
        }
        for (name, value) in fields {
            match (name.as_str(), value) {
                (OR, Value::Array(options)) if options.len() > 1 => {
                    let option = |option: &Value| match option {
                        Value::Object(fields) => Self::parse(fields),
                        _ => Err(PatternError::new(format!("`{OR}` must list objects"))),
                    };
                    parsed.any.push(options.iter().map(option).collect::<Result<_, _>>()?);
                }
                (OR, _) => {
                    return Err(PatternError::new(format!("`{OR}` must list two or more objects")));
                }
                (_, Value::Object(fields)) => {
                    parsed.all.push((name.clone(), Field::Inside(Self::parse(fields)?)));
                }
                (_, Value::Array(conditions)) => {
                    let leaf = Field::Leaf(parse_conditions(conditions)?);
                    parsed.all.push((name.clone(), leaf));
                }
                (name, _) => {
                    let detail = format!("`{name}` must be an object, or a list: [value]");
                    return Err(PatternError::new(detail));
                }
            }
        }
        Ok(parsed)
    }

    /// Whether the value, an object or a list of objects, fulfils all of them.
    fn hold(&self, value: &Value) -> bool {
        if let Value::Array(items) = value {
            return items.iter().any(|item| self.hold(item));
        }
        let all = self.all.iter().all(|(name, field)| field.holds(value.get(name)));
        let one = |options: &Vec<Self>| options.iter().any(|fields| fields.hold(value));
        all && self.any.iter().all(one)
    }
}

impl Field {
    fn holds(&self, value: Option<&Value>) -> bool {
        match self {
            // What is missing may be what is wanted, further down.
            Self::Inside(fields) => fields.hold(value.unwrap_or(&Value::Null)),
            Self::Leaf(conditions) => conditions.iter().any(|condition| holds(condition, value)),
        }
    }
}

/// A list holds what one of its items does; an object is not a leaf, and holds nothing.
fn holds(condition: &Condition, value: Option<&Value>) -> bool {
    let leaves = match value {
        None | Some(Value::Object(_)) => &[],
        Some(Value::Array(items)) => items.as_slice(),
        Some(leaf) => std::slice::from_ref(leaf),
    };
    if *condition == Condition::Exists(false) {
        return leaves.is_empty();
    }
    leaves.iter().filter(|leaf| !leaf.is_object()).any(|leaf| condition.holds(leaf))
}

fn parse_conditions(conditions: &[Value]) -> Result<Vec<Condition>, PatternError> {
    if conditions.is_empty() {
        return Err(PatternError::new("an empty list lets nothing pass"));
    }
    conditions.iter().map(Condition::parse).collect()
}
