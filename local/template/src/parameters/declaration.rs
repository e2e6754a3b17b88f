//! One parameter as a template declares it, and which values it allows.

use regex_lite::Regex;

use crate::{
    node::{Entry, Node, Unresolved, Value},
    place::{Fields, Place},
};

/// One parameter as declared.
pub(super) struct Declaration<'t> {
    place: Place<'t>,
    name: &'t str,
    kind: Kind,
    default: Option<&'t str>,
    secret: bool,
    allowed_values: Option<Vec<String>>,
    allowed_pattern: Option<(&'t str, Regex)>,
    length: (i64, i64),
    range: (Option<f64>, Option<f64>),
}

#[derive(Clone, Copy)]
struct Kind {
    list: bool,
    number: bool,
    origin: Origin,
}

/// Where a parameter's values come from.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    /// Whoever deploys.
    Given,
    /// Something that exists only on AWS (`AWS::EC2::VPC::Id`): a value that is missing matters
    /// only where something simulated needs it.
    Aws,
    /// The same, and the default is not the value but its name in Parameter Store.
    ParameterStore,
}

impl Kind {
    /// `String`, `List<Number>`, `AWS::SSM::Parameter::Value<List<String>>` and their like.
    fn parse(text: &str) -> Option<Self> {
        let stored = text
            .strip_prefix("AWS::SSM::Parameter::Value<")
            .and_then(|inner| inner.strip_suffix('>'));
        let text = stored.unwrap_or(text);
        let items = text.strip_prefix("List<").and_then(|inner| inner.strip_suffix('>'));
        let (list, number, on_aws) = match items.unwrap_or(text) {
            "String" => (false, false, false),
            "Number" => (false, true, false),
            "CommaDelimitedList" => (true, false, false),
            text if text.starts_with("AWS::") => (false, false, true),
            _ => return None,
        };
        let origin = match (stored, on_aws) {
            (Some(_), _) => Origin::ParameterStore,
            (None, true) => Origin::Aws,
            (None, false) => Origin::Given,
        };
        Some(Self { list: list || items.is_some(), number, origin })
    }
}

impl<'t> Declaration<'t> {
    pub(super) fn read(place: &Place<'t>, entry: &'t Entry) -> Option<Self> {
        let fields = place.fields()?;
        let kind = fields.required("Type").and_then(|place| kind(&place));
        let text = |key| fields.optional(key).and_then(|place| place.text());
        let length = |key, default| {
            let place = fields.optional(key);
            place.and_then(|place| place.integer(0..=i64::MAX)).unwrap_or(default)
        };
        let bound = |key| {
            let place = fields.optional(key)?;
            let bound = place.text()?.parse().ok();
            if bound.is_none() {
                place.problem("must be a number");
            }
            bound
        };
        let default = text("Default");
        let secret = fields.optional("NoEcho").and_then(|place| place.boolean());
        let allowed_values = fields.optional("AllowedValues").and_then(|place| place.texts());
        let allowed_pattern = pattern(&fields);
        let length = (length("MinLength", 0), length("MaxLength", i64::MAX));
        let range = (bound("MinValue"), bound("MaxValue"));
        fields.inert(&["ConstraintDescription", "Description"]);
        fields.finish();
        Some(Self {
            place: place.clone(),
            name: &entry.key,
            kind: kind?,
            default,
            secret: secret.unwrap_or(false),
            allowed_values,
            allowed_pattern,
            length,
            range,
        })
    }

    /// The value given from outside, else the default, else why there is none.
    pub(super) fn value(&self, given: Option<&str>) -> Value {
        let default = self.default.filter(|_| self.kind.origin != Origin::ParameterStore);
        let Some(text) = given.or(default) else { return self.missing() };
        let value = if self.kind.list {
            let position = self.place.position();
            let items = text.split(',').map(|item| Node::text(position, item.trim()));
            Value::List(items.filter(|_| !text.is_empty()).collect())
        } else {
            Value::Text(text.to_owned())
        };
        let single = [text];
        let items: Vec<&str> = match &value {
            Value::List(items) => items.iter().filter_map(Node::as_text).collect(),
            _ => single.to_vec(),
        };
        match items.into_iter().find_map(|item| self.objection(item)) {
            None => value,
            Some(message) => {
                self.place.problem(message);
                Value::Unresolved(Unresolved::Reported)
            }
        }
    }

    fn missing(&self) -> Value {
        let message = format!("the parameter `{}` has no value", self.name);
        let hint = Some(format!(
            "give one with --parameter-overrides {0}=…, or in the template under `Metadata: \
             Millrace: Parameters: {0}`",
            self.name
        ));
        if self.kind.origin != Origin::Given {
            return Value::Unresolved(Unresolved::Because { message, hint });
        }
        self.place.problem_with_hint("has no value", hint);
        Value::Unresolved(Unresolved::Reported)
    }

    /// Why a value is not allowed. A secret value is not shown.
    fn objection(&self, text: &str) -> Option<String> {
        let shown = if self.secret { "the value".to_owned() } else { format!("`{text}`") };
        let allowed = |values: &Vec<String>| values.iter().any(|value| value == text);
        if let Some(values) = self.allowed_values.as_ref().filter(|values| !allowed(values)) {
            return Some(format!(
                "{shown} is not one of the allowed values: {}",
                values.join(", ")
            ));
        }
        if let Some((pattern, _)) =
            self.allowed_pattern.as_ref().filter(|(_, regex)| !regex.is_match(text))
        {
            return Some(format!("{shown} does not match the allowed pattern `{pattern}`"));
        }
        if self.kind.number {
            return self.objection_to_number(text, &shown);
        }
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        let (shortest, longest) = self.length;
        (length < shortest || length > longest).then(|| {
            format!("{shown} is {length} characters long, allowed are {shortest} to {longest}")
        })
    }

    fn objection_to_number(&self, text: &str, shown: &str) -> Option<String> {
        let Ok(number) = text.parse::<f64>() else {
            return Some(format!("{shown} is not a number"));
        };
        let (lowest, highest) = self.range;
        if let Some(lowest) = lowest.filter(|lowest| number < *lowest) {
            return Some(format!("{shown} is below the minimum of {lowest}"));
        }
        let highest = highest.filter(|highest| number > *highest)?;
        Some(format!("{shown} is above the maximum of {highest}"))
    }
}

fn kind(place: &Place<'_>) -> Option<Kind> {
    let kind = Kind::parse(place.text()?);
    if kind.is_none() {
        place.problem("is not a type of parameter");
    }
    kind
}

/// `AllowedPattern`, which must match the whole value. What Java's expressions can and ours
/// cannot (look-around) is left to AWS, with a warning.
fn pattern<'t>(fields: &Fields<'t>) -> Option<(&'t str, Regex)> {
    let place = fields.optional("AllowedPattern")?;
    let text = place.text()?;
    let regex = Regex::new(&format!(r"\A(?:{text})\z"));
    if regex.is_err() {
        place.warning(format!("the pattern `{text}` is not checked here, only on AWS"));
    }
    Some((text, regex.ok()?))
}
