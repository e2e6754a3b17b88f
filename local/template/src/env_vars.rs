//! SAM's `--env-vars` file: values for variables that the template already declares.
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-using-invoke.html>

use std::collections::BTreeMap;

use serde_json::Value;

/// The key for variables of every function.
const EVERY_FUNCTION: &str = "Parameters";

/// Values for the variables of functions, by the function's logical id or name; `Parameters` holds
/// those for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvVars {
    functions: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why a text is not an `--env-vars` file.
#[derive(Debug, thiserror::Error)]
pub enum EnvVarsError {
    /// The text is not JSON.
    #[error("failed to read the variables as JSON")]
    Syntax(#[source] serde_json::Error),
    /// The whole is not an object.
    #[error("variables must be a JSON object: `{{\"Function\": {{\"NAME\": \"value\"}}}}`")]
    NotAnObject,
    /// The value of one function is not an object.
    #[error("the variables of `{function}` must be a JSON object")]
    FunctionNotAnObject {
        /// The key.
        function: String,
    },
}

impl EnvVars {
    /// Reads the JSON text of the file. As SAM does, `null`, lists and objects become empty text,
    /// numbers and booleans the text they are written as.
    pub fn from_json(text: &str) -> Result<Self, EnvVarsError> {
        let root: Value = serde_json::from_str(text).map_err(EnvVarsError::Syntax)?;
        let Value::Object(entries) = root else { return Err(EnvVarsError::NotAnObject) };
        let functions = entries
            .into_iter()
            .map(|(function, value)| match value {
                Value::Object(variables) => {
                    let texts = variables.into_iter().map(|(name, value)| (name, as_text(value)));
                    Ok((function, texts.collect()))
                }
                _ => Err(EnvVarsError::FunctionNotAnObject { function }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { functions })
    }

    /// The value for one variable of one function: by logical id, else by name, else for all.
    pub(crate) fn get(&self, logical_id: &str, name: &str, variable: &str) -> Option<&str> {
        let own = self.functions.get(logical_id).filter(|variables| !variables.is_empty());
        let own = own.or_else(|| self.functions.get(name));
        [own, self.functions.get(EVERY_FUNCTION)]
            .into_iter()
            .flatten()
            .find_map(|variables| variables.get(variable))
            .map(String::as_str)
    }

    /// Every (function, variable) of the file that `declares` does not know; the function is
    /// `None` for one that was given for all.
    pub(crate) fn unmatched(
        &self,
        declares: impl Fn(Option<&str>, &str) -> bool,
    ) -> Vec<(Option<&str>, &str)> {
        let named = |function: &'_ String| function != EVERY_FUNCTION;
        self.functions
            .iter()
            .flat_map(|(function, variables)| {
                let function = named(function).then_some(function.as_str());
                variables.keys().map(move |variable| (function, variable.as_str()))
            })
            .filter(|(function, variable)| !declares(*function, variable))
            .collect()
    }
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}
