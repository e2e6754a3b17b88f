//! The top level of a template: which sections there are, and which transforms it needs.

use crate::{
    findings::{Findings, Position, Problem},
    node::{Entry, Node, Value},
};

/// Sections without effect here: documentation, the output of a deployment, its checks.
const INERT_SECTIONS: [&str; 5] =
    ["AWSTemplateFormatVersion", "Description", "Hooks", "Outputs", "Rules"];

const SAM_TRANSFORM: &str = "AWS::Serverless-2016-10-31";

/// Transforms that change nothing which this crate does not do itself.
const TRANSFORMS: [&str; 2] = [SAM_TRANSFORM, "AWS::LanguageExtensions"];

/// The sections of a template, each `None` where it is absent.
#[derive(Debug, Default)]
pub(crate) struct Sections<'t> {
    pub(crate) parameters: Option<&'t Entry>,
    pub(crate) conditions: Option<&'t Entry>,
    pub(crate) mappings: Option<&'t Entry>,
    pub(crate) globals: Option<&'t Entry>,
    pub(crate) resources: Option<&'t Entry>,
    /// `Millrace` in `Metadata`: what this template's author says about running it locally.
    pub(crate) millrace: Option<&'t Entry>,
}

impl<'t> Sections<'t> {
    pub(crate) fn read(root: &'t Node, findings: &Findings) -> Self {
        let mut sections = Self::default();
        let mut transforms = Vec::new();
        if !matches!(root.value, Value::Map(_)) {
            let message = format!("a template is a map of sections, this is {}", root.kind());
            findings.problem(problem(root.position, "", message));
            return sections;
        }
        for entry in root.entries() {
            let section = match entry.key.as_str() {
                "Parameters" => &mut sections.parameters,
                "Conditions" => &mut sections.conditions,
                "Mappings" => &mut sections.mappings,
                "Globals" => &mut sections.globals,
                "Resources" => &mut sections.resources,
                "Metadata" => {
                    sections.millrace =
                        entry.value.entries().iter().find(|entry| entry.key == "Millrace");
                    continue;
                }
                "Transform" => {
                    transforms = read_transforms(entry, findings);
                    continue;
                }
                key if INERT_SECTIONS.contains(&key) => continue,
                key => {
                    let message = format!("a template has no section `{key}`");
                    findings.problem(problem(entry.position, key, message));
                    continue;
                }
            };
            if matches!(entry.value.value, Value::Map(_)) {
                *section = Some(entry);
            } else {
                let message = format!("must be a map, not {}", entry.value.kind());
                findings.problem(problem(entry.position, &entry.key, message));
            }
        }
        sections.check(root, &transforms, findings);
        sections
    }

    fn check(&self, root: &Node, transforms: &[&str], findings: &Findings) {
        let resources = self.resources.map(|entry| entry.value.entries()).unwrap_or_default();
        if root.get("Resources").is_none() || self.resources.is_some() && resources.is_empty() {
            let message = "a template needs at least one resource".to_owned();
            findings.problem(problem(root.position, "Resources", message));
        }
        let serverless = resources.iter().find_map(|entry| {
            let kind = entry.value.get("Type")?;
            kind.as_text()?.starts_with("AWS::Serverless::").then_some((entry, kind))
        });
        if let Some((entry, kind)) = serverless.filter(|_| !transforms.contains(&SAM_TRANSFORM)) {
            let path = format!("Resources.{}.Type", entry.key);
            let message = "`AWS::Serverless` types need the SAM transform".to_owned();
            let hint = Some(format!("add `Transform: {SAM_TRANSFORM}` at the top"));
            findings.problem(Problem { position: kind.position, path, message, hint });
        }
    }
}

fn read_transforms<'t>(entry: &'t Entry, findings: &Findings) -> Vec<&'t str> {
    let one = std::slice::from_ref(&entry.value);
    let mut names = Vec::new();
    for node in entry.value.as_list().unwrap_or(one) {
        match node.as_text() {
            Some(name) if TRANSFORMS.contains(&name) => names.push(name),
            Some(name) => {
                let message = format!("the macro `{name}` is not run here");
                findings.problem(problem(node.position, "Transform", message));
            }
            None => {
                let message = format!("must name a transform, not {}", node.kind());
                findings.problem(problem(node.position, "Transform", message));
            }
        }
    }
    names
}

fn problem(position: Position, path: &str, message: String) -> Problem {
    Problem { position, path: path.to_owned(), message, hint: None }
}
