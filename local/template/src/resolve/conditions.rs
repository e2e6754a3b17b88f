//! Conditions: `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` and references to one another.

use super::{Resolved, Resolver, because, functions::arguments};
use crate::node::Node;

impl Resolver<'_> {
    pub(super) fn named_condition(&self, name: &str, depth: usize) -> Resolved<bool> {
        let node = self.conditions.and_then(|entry| entry.value.get(name));
        match node {
            Some(node) => self.holds(node, depth + 1),
            None => because(format!("there is no condition `{name}`")),
        }
    }

    fn holds(&self, node: &Node, depth: usize) -> Resolved<bool> {
        self.step(depth)?;
        let [entry] = node.entries() else {
            return because("a condition is a single function".to_owned());
        };
        let argument = &entry.value;
        match entry.key.as_str() {
            "Condition" => self.named_condition(&self.text(argument, depth)?, depth),
            "Fn::Equals" => {
                let [left, right] = arguments("Fn::Equals", argument)?;
                Ok(self.text(left, depth)? == self.text(right, depth)?)
            }
            "Fn::Not" => {
                let [inner] = arguments("Fn::Not", argument)?;
                Ok(!self.holds(inner, depth + 1)?)
            }
            "Fn::And" => Ok(self.each(argument, depth)?.into_iter().all(|holds| holds)),
            "Fn::Or" => Ok(self.each(argument, depth)?.into_iter().any(|holds| holds)),
            "Fn::Contains" => {
                let [items, wanted] = arguments("Fn::Contains", argument)?;
                let wanted = self.text(wanted, depth)?;
                let items = self.list(items, depth)?;
                Ok(items.iter().any(|item| item.as_text() == Some(&wanted)))
            }
            key => because(format!("`{key}` is not a condition")),
        }
    }

    fn each(&self, argument: &Node, depth: usize) -> Resolved<Vec<bool>> {
        let items = argument.as_list().unwrap_or_default();
        if items.len() < 2 {
            return because("`Fn::And` and `Fn::Or` take two conditions or more".to_owned());
        }
        items.iter().map(|item| self.holds(item, depth + 1)).collect()
    }
}
