//! A function's environment variables, with those that `--env-vars` replaces.

use std::collections::BTreeMap;

use super::{Context, logging};
use crate::{
    findings::{Findings, Position},
    place::{Fields, Place},
    plan::{Function, Plan},
};

/// Names and values of all variables together.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const VARIABLES_BYTES_MAX: usize = 4 * 1024;

/// Variables that Lambda sets itself and does not let a template set.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const RESERVED: [&str; 18] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
];

pub(super) fn read(
    logical_id: &str,
    name: &str,
    fields: &Fields<'_>,
    context: &Context<'_>,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    if let Some(place) = fields.optional("LoggingConfig") {
        variables = logging::variables(&place);
    }
    let Some(place) = fields.optional("Environment") else { return variables };
    let Some(environment) = place.fields() else { return variables };
    let declared = environment.optional("Variables");
    environment.finish();
    let mut size_bytes = 0;
    for (variable, place) in declared.and_then(|place| place.pairs()).unwrap_or_default() {
        check_name(variable, &place);
        let given = context.settings.env_vars.get(logical_id, name, variable);
        if let Some(value) = given.or_else(|| place.text()) {
            size_bytes += variable.len() + value.len();
            variables.insert(variable.to_owned(), value.to_owned());
        }
    }
    if size_bytes > VARIABLES_BYTES_MAX {
        place.warning(format!(
            "the variables of `{name}` have {size_bytes} bytes, AWS takes {VARIABLES_BYTES_MAX}"
        ));
    }
    variables
}

fn check_name(variable: &str, place: &Place<'_>) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if RESERVED.contains(&variable) {
        place.problem("is reserved: Lambda sets it itself");
    } else if variable.len() < 2
        || !variable.starts_with(|first: char| first.is_ascii_alphabetic())
        || !variable.bytes().all(allowed)
    {
        place.problem("a variable's name is a letter, then letters, digits and `_`");
    }
}

/// Warns of what `--env-vars` gives and no function declares: as in SAM, it has no effect.
pub(super) fn report_unmatched(context: &Context<'_>, plan: &Plan, findings: &Findings) {
    let start = Position { line: 1, column: 1 };
    let position = context.sections.resources.map_or(start, |entry| entry.position);
    let named = |function: &str| {
        let named =
            |candidate: &&Function| candidate.logical_id == function || candidate.name == function;
        plan.functions.iter().find(named)
    };
    let declares = |function: Option<&str>, variable: &str| {
        let declares = |function: &Function| function.environment.contains_key(variable);
        match function {
            Some(function) => named(function).is_some_and(declares),
            None => plan.functions.iter().any(declares),
        }
    };
    for (function, variable) in context.settings.env_vars.unmatched(declares) {
        let message = match function {
            None => format!("--env-vars: no function declares the variable `{variable}`"),
            Some(function) if named(function).is_none() => {
                format!("--env-vars: there is no function `{function}`")
            }
            Some(function) => {
                format!("--env-vars: `{function}` declares no variable `{variable}`")
            }
        };
        findings.warning(position, message);
    }
}
