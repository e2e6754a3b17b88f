//! Intrinsic functions: a tree of nodes without them. What cannot be worked out becomes an
//! unresolved value that says why; reporting it is left to whoever needs it.

mod attributes;
mod conditions;
mod functions;

use std::{cell::Cell, collections::BTreeMap};

use crate::{
    node::{Entry, Node, Unresolved, Value},
    sections::Sections,
};

/// Longer chains of references than any real template has; circular ones end here.
const DEPTH_MAX: usize = 100;

/// What all evaluations of one template may visit, so that references which multiply end.
const STEPS_MAX: usize = 5_000_000;

/// The longest text that a function may make: nothing here takes more.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Works out values from parameters, mappings, conditions and resources.
#[derive(Debug)]
pub(crate) struct Resolver<'t> {
    parameters: BTreeMap<String, Node>,
    conditions: Option<&'t Entry>,
    mappings: Option<&'t Entry>,
    resources: Option<&'t Entry>,
    local: &'t BTreeMap<String, String>,
    steps: Cell<usize>,
}

/// A value, or why there is none.
type Resolved<T> = Result<T, Unresolved>;

impl<'t> Resolver<'t> {
    pub(crate) fn new(
        sections: &Sections<'t>,
        parameters: BTreeMap<String, Node>,
        local: &'t BTreeMap<String, String>,
    ) -> Self {
        Self {
            parameters,
            conditions: sections.conditions,
            mappings: sections.mappings,
            resources: sections.resources,
            local,
            steps: Cell::new(0),
        }
    }

    /// The node without intrinsic functions; nothing for `AWS::NoValue`.
    pub(crate) fn resolve(&self, node: &Node) -> Option<Node> {
        self.resolve_at(node, 0)
    }

    /// Whether the condition `name` holds.
    pub(crate) fn condition(&self, name: &str) -> Resolved<bool> {
        self.named_condition(name, 0)
    }

    /// `AWS::Region`.
    fn region(&self) -> &str {
        self.local_or("region", "us-east-1")
    }

    /// `AWS::AccountId`.
    fn account(&self) -> &str {
        self.local_or("account", "000000000000")
    }

    fn local_or(&self, name: &str, default: &'t str) -> &str {
        self.local.get(name).map_or(default, String::as_str)
    }

    fn resolve_at(&self, node: &Node, depth: usize) -> Option<Node> {
        let position = node.position;
        let value = match self.step(depth).and_then(|()| self.value_at(node, depth)) {
            Ok(value) => value?,
            Err(why) => Value::Unresolved(why),
        };
        Some(Node { position, value })
    }

    fn value_at(&self, node: &Node, depth: usize) -> Resolved<Option<Value>> {
        if let Some((function, argument)) = node.intrinsic() {
            return self.call(function, argument, depth);
        }
        let value = match &node.value {
            Value::Text(text) if text.contains("{{resolve:") => {
                return because(format!("`{text}` is resolved by AWS only"));
            }
            Value::Null | Value::Text(_) | Value::Unresolved(_) => node.value.clone(),
            Value::List(items) => {
                let resolved = items.iter().filter_map(|item| self.resolve_at(item, depth + 1));
                Value::List(resolved.collect())
            }
            Value::Map(entries) => {
                let resolved = entries.iter().filter_map(|entry| {
                    let value = self.resolve_at(&entry.value, depth + 1)?;
                    Some(Entry { key: entry.key.clone(), position: entry.position, value })
                });
                Value::Map(resolved.collect())
            }
        };
        Ok(Some(value))
    }

    fn step(&self, depth: usize) -> Resolved<()> {
        self.steps.set(self.steps.get() + 1);
        if depth > DEPTH_MAX || self.steps.get() > STEPS_MAX {
            return because("its references go in a circle, or on for too long".to_owned());
        }
        Ok(())
    }

    /// The text of an argument.
    fn text(&self, node: &Node, depth: usize) -> Resolved<String> {
        let resolved = self.resolve_at(node, depth + 1);
        match resolved.map(|node| node.value) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Unresolved(why)) => Err(why),
            Some(Value::Null | Value::List(_) | Value::Map(_)) | None => {
                because("a function here needs a single value and gets something else".to_owned())
            }
        }
    }

    /// The items of an argument that is a list.
    fn list(&self, node: &Node, depth: usize) -> Resolved<Vec<Node>> {
        let resolved = self.resolve_at(node, depth + 1);
        match resolved.map(|node| node.value) {
            Some(Value::List(items)) => Ok(items),
            Some(Value::Unresolved(why)) => Err(why),
            Some(Value::Null | Value::Text(_) | Value::Map(_)) | None => {
                because("a function here needs a list and gets something else".to_owned())
            }
        }
    }
}

fn because<T>(message: String) -> Resolved<T> {
    Err(Unresolved::Because { message, hint: None })
}
