//! `template.yaml` (SAM or CloudFormation) as a typed, validated [`Plan`].
//! It reads files and nothing else: no process, no socket, no clock, and nothing is printed.
//!
//! The way of a template through the modules:
//! [`yaml`] (text to nodes that know their line) → [`sections`] → [`parameters`] → [`globals`] →
//! [`resolve`] (intrinsic functions) → [`place`] (typed reading) → [`resources`] → [`plan`].
//! Whatever is wrong on the way lands in [`findings`], so that one run reports everything.

mod env_vars;
mod findings;
mod globals;
mod node;
mod parameters;
mod place;
mod plan;
mod resolve;
mod resources;
mod sections;
mod yaml;

use std::{collections::BTreeMap, fs, io, path::Path};

pub use crate::{
    env_vars::{EnvVars, EnvVarsError},
    findings::{Position, Problem, TemplateError},
    plan::{
        AccessKind, Code, Cors, Destination, EventInvoke, FailureHandling, Function, HttpApi,
        Inert, Logging, Mapping, PartialReading, Plan, Pollers, RetryDelay, Route, Source,
        SourceAccess, StartingPosition, SystemLogLevel, Table, Topic, Warning,
    },
};

use crate::findings::Findings;

/// What a person or the local cloud adds to a template.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `--parameter-overrides`: values by parameter name.
    pub parameters: BTreeMap<String, String>,
    /// SAM's `--env-vars`.
    pub env_vars: EnvVars,
    /// What only the local cloud knows: `region`, `account`, `stack`, `kafka.arn`,
    /// `kafka.bootstrap`, `table.endpoint`, `gateway.endpoint`. All can stand in the template's
    /// `Metadata: Millrace: Parameters` as `${kafka.arn}`; a missing region, account or stack is
    /// `us-east-1`, `000000000000` and `local`.
    pub local: BTreeMap<String, String>,
}

/// Reads and validates the template at `path`.
///
/// # Errors
///
/// [`TemplateError::Unreadable`] where the file cannot be read as UTF-8 text,
/// [`TemplateError::Invalid`] with every problem found otherwise.
pub fn load(path: &Path, settings: &Settings) -> Result<Plan, TemplateError> {
    let unreadable = |source: io::Error| TemplateError::Unreadable { path: path.into(), source };
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    let size_bytes = fs::metadata(&absolute).map_err(unreadable)?.len();
    if size_bytes > yaml::TEMPLATE_BYTES_MAX as u64 {
        let problems = vec![yaml::too_large(size_bytes)];
        return Err(TemplateError::Invalid { file: path.into(), problems });
    }
    let text = fs::read_to_string(&absolute).map_err(unreadable)?;
    let directory = absolute.parent().unwrap_or(&absolute);
    parse(&text, directory, settings)
        .map_err(|problems| TemplateError::Invalid { file: path.into(), problems })
}

/// Reads and validates a template's text; relative paths in it start at `directory`.
fn parse(text: &str, directory: &Path, settings: &Settings) -> Result<Plan, Vec<Problem>> {
    let root = yaml::parse(text).map_err(|problem| vec![problem])?;
    let findings = Findings::default();
    let sections = sections::Sections::read(&root, &findings);
    let parameters = parameters::values(&sections, settings, &findings);
    let resolver = resolve::Resolver::new(&sections, parameters, &settings.local);
    let context = resources::Context { sections: &sections, resolver, directory, settings };
    let mut plan = resources::plan(&context, &findings);
    plan.warnings = findings.finish()?;
    Ok(plan)
}

#[cfg(test)]
mod tests;
