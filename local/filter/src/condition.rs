//! A condition on one value: an entry of a field's list in a pattern.

use serde_json::{Number, Value};

use crate::PatternError;

/// One of the operators that Lambda has.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    /// The same string, number, boolean or null.
    Equals(Value),
    IgnoreCase(String),
    Prefix(String),
    Suffix(String),
    /// None of these strings and numbers.
    AnythingBut(Vec<Value>),
    /// All of these comparisons.
    Numeric(Vec<(Comparison, f64)>),
    /// The field is there, or is not.
    Exists(bool),
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    pub(crate) fn parse(value: &Value) -> Result<Self, PatternError> {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::Array(_) => return Err(PatternError::new("a list stands inside a list")),
            scalar => return Ok(Self::Equals(scalar.clone())),
        };
        let mut fields = fields.iter();
        let (Some((operator, operand)), None) = (fields.next(), fields.next()) else {
            return Err(PatternError::new("a condition must have exactly one operator"));
        };
        match operator.as_str() {
            "equals-ignore-case" => Ok(Self::IgnoreCase(text(operator, operand)?)),
            "prefix" => Ok(Self::Prefix(text(operator, operand)?)),
            "suffix" => Ok(Self::Suffix(text(operator, operand)?)),
            "anything-but" => anything_but(operand),
            "numeric" => numeric(operand),
            "exists" => {
                let exists = operand.as_bool();
                let exists =
                    exists.ok_or_else(|| PatternError::new("`exists` must be true or false"))?;
                Ok(Self::Exists(exists))
            }
            other => Err(PatternError::new(format!("there is no operator `{other}`"))),
        }
    }

    /// Whether a value that is there, a leaf, fulfils it.
    pub(crate) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Equals(wanted) => equal(wanted, value),
            Self::IgnoreCase(wanted) => {
                value.as_str().is_some_and(|text| text.to_lowercase() == wanted.to_lowercase())
            }
            Self::Prefix(prefix) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => value.as_str().is_some_and(|text| text.ends_with(suffix)),
            Self::AnythingBut(unwanted) => !unwanted.iter().any(|other| equal(other, value)),
            Self::Numeric(comparisons) => value.as_f64().is_some_and(|number| {
                comparisons.iter().all(|(comparison, bound)| comparison.holds(number, *bound))
            }),
            Self::Exists(exists) => *exists,
        }
    }
}

impl Comparison {
    fn parse(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "=" => Some(Self::Equal),
            "<" => Some(Self::Less),
            "<=" => Some(Self::LessOrEqual),
            ">" => Some(Self::Greater),
            ">=" => Some(Self::GreaterOrEqual),
            _ => None,
        }
    }

    #[expect(clippy::float_cmp, reason = "a pattern asks for exactly this number")]
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Equal => number == bound,
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
            Self::Greater => number > bound,
            Self::GreaterOrEqual => number >= bound,
        }
    }
}

/// Numbers are compared as they are written: 300 is not 300.0. (300.0 and 3.0e2 are the same here,
/// for the parser does not keep the difference.)
fn equal(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::Number(wanted), Value::Number(value)) => written(wanted) == written(value),
        _ => wanted == value,
    }
}

fn written(number: &Number) -> String {
    number.to_string()
}

fn text(operator: &str, operand: &Value) -> Result<String, PatternError> {
    let text = operand.as_str().map(str::to_owned);
    text.ok_or_else(|| PatternError::new(format!("`{operator}` must be a string")))
}

fn anything_but(operand: &Value) -> Result<Condition, PatternError> {
    let unwanted = match operand {
        Value::Array(unwanted) => unwanted.clone(),
        one => vec![one.clone()],
    };
    let simple = unwanted.iter().all(|value| value.is_string() || value.is_number());
    if unwanted.is_empty() || !simple {
        return Err(PatternError::new("`anything-but` must list strings or numbers"));
    }
    Ok(Condition::AnythingBut(unwanted))
}

fn numeric(operand: &Value) -> Result<Condition, PatternError> {
    let wrong = || PatternError::new("`numeric` must list comparisons and numbers in turn");
    let operand = operand.as_array().filter(|operand| [2, 4].contains(&operand.len()));
    let pairs = operand.ok_or_else(wrong)?.chunks(2);
    let pair = |pair: &[Value]| Some((Comparison::parse(&pair[0])?, pair[1].as_f64()?));
    let comparisons = pairs.map(pair).collect::<Option<Vec<_>>>();
    comparisons.map(Condition::Numeric).ok_or_else(wrong)
}
