//! The values of a template's parameters: an override, else what `Metadata: Millrace` says, else
//! the default. It does not know where a parameter is used.

mod declaration;

use std::collections::BTreeMap;

use crate::{
    Settings,
    findings::{Findings, Position, Problem},
    node::{Entry, Node, Unresolved, Value},
    parameters::declaration::Declaration,
    place::Place,
    sections::Sections,
};

/// Every parameter's value: text, a list of texts, or why there is none.
pub(crate) fn values(
    sections: &Sections<'_>,
    settings: &Settings,
    findings: &Findings,
) -> BTreeMap<String, Node> {
    let declared = sections.parameters.map(|entry| entry.value.entries()).unwrap_or_default();
    let local = local_values(sections.millrace, declared, settings, findings);
    check_overrides(sections, declared, settings, findings);
    let value = |entry: &Entry| {
        let given = settings.parameters.get(&entry.key).or_else(|| local.get(&entry.key));
        let path = format!("Parameters.{}", entry.key);
        let place = Place::new(&entry.value, entry.position, path, findings);
        let value = Declaration::read(&place, entry)
            .map_or(Value::Unresolved(Unresolved::Reported), |declaration| {
                declaration.value(given.map(String::as_str))
            });
        (entry.key.clone(), Node { position: entry.position, value })
    };
    declared.iter().map(value).collect()
}

/// `Metadata: Millrace: Parameters`, its placeholders filled in.
fn local_values(
    millrace: Option<&Entry>,
    declared: &[Entry],
    settings: &Settings,
    findings: &Findings,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let Some(millrace) = millrace else { return values };
    let path = "Metadata.Millrace".to_owned();
    let place = Place::new(&millrace.value, millrace.position, path, findings);
    let Some(fields) = place.fields() else { return values };
    // What it says of mappings is read with them.
    fields.inert(&["Mappings"]);
    let pairs = fields.optional("Parameters").and_then(|place| place.pairs());
    for (name, place) in pairs.unwrap_or_default() {
        if !declared.iter().any(|entry| entry.key == name) {
            place.problem("the template declares no such parameter");
        }
        let value = place.text().map(|text| fill_in(text, &settings.local));
        match value {
            Some(Ok(value)) => {
                values.insert(name.to_owned(), value);
            }
            Some(Err(message)) => place.problem(message),
            None => {}
        }
    }
    fields.finish();
    values
}

/// Replaces each `${name}` by what the local cloud knows under that name.
fn fill_in(text: &str, local: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("`${{{after}` has no closing brace"))?;
        let value = local.get(name).ok_or_else(|| {
            let known: Vec<_> = local.keys().map(|name| format!("`{name}`")).collect();
            format!("`${{{name}}}` is not known here, only {}", known.join(", "))
        })?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn check_overrides(
    sections: &Sections<'_>,
    declared: &[Entry],
    settings: &Settings,
    findings: &Findings,
) {
    let start = Position { line: 1, column: 1 };
    let position = sections.parameters.map_or(start, |entry| entry.position);
    for name in settings.parameters.keys() {
        let well_formed = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let message = if !well_formed {
            format!("`{name}` is not a parameter's name: letters and digits only")
        } else if declared.iter().all(|entry| entry.key != *name) {
            format!("the template declares no parameter `{name}`")
        } else {
            continue;
        };
        let path = "--parameter-overrides".to_owned();
        findings.problem(Problem { position, path, message, hint: None });
    }
}
