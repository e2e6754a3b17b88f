//! The intrinsic functions other than those of conditions.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Resolved, Resolver, TEXT_BYTES_MAX, because};
use crate::node::{Node, Unresolved, Value};

impl Resolver<'_> {
    /// The value of a function; nothing for `AWS::NoValue`.
    pub(super) fn call(
        &self,
        function: &str,
        argument: &Node,
        depth: usize,
    ) -> Resolved<Option<Value>> {
        let depth = depth + 1;
        let value = match function {
            "Ref" => return self.reference(&self.text(argument, depth)?, depth),
            "Fn::If" => return self.choose(argument, depth),
            "Fn::GetAtt" => self.attribute_of(argument, depth)?,
            "Fn::Sub" => Value::Text(self.substitute(argument, depth)?),
            "Fn::Join" => Value::Text(self.join(argument, depth)?),
            "Fn::Select" => self.select(argument, depth)?,
            "Fn::Split" => self.split(argument, depth)?,
            "Fn::FindInMap" => self.find_in_map(argument, depth)?,
            "Fn::Base64" => Value::Text(STANDARD.encode(self.text(argument, depth)?)),
            "Fn::And" | "Fn::Equals" | "Fn::Not" | "Fn::Or" => {
                return because(format!("`{function}` works in `Conditions` only"));
            }
            "Fn::ImportValue" => {
                let hint = "make it a parameter, and give that a value for local runs";
                return Err(Unresolved::Because {
                    message: "what another stack exports is not known here".to_owned(),
                    hint: Some(hint.to_owned()),
                });
            }
            _ => return because(format!("`{function}` is not worked out here")),
        };
        Ok(Some(value))
    }

    fn choose(&self, argument: &Node, depth: usize) -> Resolved<Option<Value>> {
        let [name, yes, no] = arguments("Fn::If", argument)?;
        let name = self.text(name, depth)?;
        let chosen = if self.named_condition(&name, depth)? { yes } else { no };
        Ok(self.resolve_at(chosen, depth).map(|node| node.value))
    }

    fn attribute_of(&self, argument: &Node, depth: usize) -> Resolved<Value> {
        let Some(text) = argument.as_text() else {
            let [name, attribute] = arguments("Fn::GetAtt", argument)?;
            let (name, attribute) = (self.text(name, depth)?, self.text(attribute, depth)?);
            return self.attribute(&name, &attribute, depth).map(Value::Text);
        };
        match text.split_once('.') {
            Some((name, attribute)) => self.attribute(name, attribute, depth).map(Value::Text),
            None => because(format!("`{text}` names no attribute of a resource")),
        }
    }

    fn join(&self, argument: &Node, depth: usize) -> Resolved<String> {
        let [delimiter, items] = arguments("Fn::Join", argument)?;
        let delimiter = self.text(delimiter, depth)?;
        let items = self.list(items, depth)?;
        let texts: Vec<_> =
            items.iter().map(|item| self.text(item, depth)).collect::<Resolved<_>>()?;
        let size_bytes = texts.iter().map(|text| text.len() + delimiter.len()).sum::<usize>();
        if size_bytes > TEXT_BYTES_MAX {
            return because(format!("it would be longer than {TEXT_BYTES_MAX} bytes"));
        }
        Ok(texts.join(&delimiter))
    }

    fn select(&self, argument: &Node, depth: usize) -> Resolved<Value> {
        let [index, items] = arguments("Fn::Select", argument)?;
        let index = self.text(index, depth)?;
        let mut items = self.list(items, depth)?;
        match index.parse::<usize>() {
            Ok(index) if index < items.len() => match items.swap_remove(index).value {
                Value::Unresolved(why) => Err(why),
                value => Ok(value),
            },
            _ => {
                because(format!("`Fn::Select` has no item `{index}` in a list of {}", items.len()))
            }
        }
    }

    fn split(&self, argument: &Node, depth: usize) -> Resolved<Value> {
        let [delimiter, text] = arguments("Fn::Split", argument)?;
        let delimiter = self.text(delimiter, depth)?;
        if delimiter.is_empty() {
            return because("`Fn::Split` needs a delimiter".to_owned());
        }
        let items = self.text(text, depth)?;
        let parts = items.split(delimiter.as_str());
        Ok(Value::List(parts.map(|part| Node::text(argument.position, part)).collect()))
    }

    fn find_in_map(&self, argument: &Node, depth: usize) -> Resolved<Value> {
        let (keys, default) = match argument.as_list() {
            Some([keys @ .., options]) if keys.len() == 3 => (keys, options.get("DefaultValue")),
            Some(keys) if keys.len() == 3 => (keys, None),
            _ => return because("`Fn::FindInMap` takes a map's name and two keys".to_owned()),
        };
        let mut found = self.mappings.map(|entry| &entry.value);
        let mut path = String::new();
        for key in keys {
            let key = self.text(key, depth)?;
            found = found.and_then(|node| node.get(&key));
            path = format!("{path}.{key}");
        }
        match (found, default) {
            (Some(node), _) => Ok(node.value.clone()),
            (None, Some(default)) => match self.resolve_at(default, depth) {
                Some(node) => Ok(node.value),
                None => because("a default of `Fn::FindInMap` is nothing".to_owned()),
            },
            (None, None) => because(format!("`Mappings` has no `{}`", &path[1..])),
        }
    }

    fn substitute(&self, argument: &Node, depth: usize) -> Resolved<String> {
        let (template, variables) = match argument.as_text() {
            Some(text) => (text, None),
            None => match arguments("Fn::Sub", argument)? {
                [template, variables] => match template.as_text() {
                    Some(text) => (text, Some(variables)),
                    None => return because("`Fn::Sub` takes a text first".to_owned()),
                },
            },
        };
        let mut result = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                return because(format!("`${{{after}` in `Fn::Sub` has no closing brace"));
            };
            result.push_str(before);
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                result.extend(["${", literal, "}"]);
            } else {
                result.push_str(&self.variable(name.trim(), variables, depth)?);
            }
            if result.len() > TEXT_BYTES_MAX {
                return because(format!("it would be longer than {TEXT_BYTES_MAX} bytes"));
            }
        }
        result.push_str(rest);
        Ok(result)
    }

    fn variable(&self, name: &str, variables: Option<&Node>, depth: usize) -> Resolved<String> {
        if let Some(node) = variables.and_then(|variables| variables.get(name)) {
            return self.text(node, depth);
        }
        if let Some((resource, attribute)) = name.split_once('.') {
            return self.attribute(resource, attribute, depth);
        }
        match self.reference(name, depth)? {
            Some(Value::Text(text)) => Ok(text),
            _ => because(format!("`${{{name}}}` in `Fn::Sub` is not a single value")),
        }
    }
}

/// The arguments of a function that takes exactly `N`.
pub(super) fn arguments<'n, const N: usize>(
    function: &str,
    argument: &'n Node,
) -> Resolved<[&'n Node; N]> {
    let items: Vec<&Node> = argument.as_list().unwrap_or_default().iter().collect();
    items.try_into().or_else(|_| because(format!("`{function}` takes a list of {N}")))
}
