//! The functions' variables as an env file, for a tool that runs functions itself and is invoked by
//! `up --functions`. Reads and writes nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use template::{Function, Plan};

/// Why there is no env file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvFileError {
    /// The template has no such function.
    #[error("there is no function `{wanted}`{known}")]
    NoFunction {
        /// What was asked for.
        wanted: String,
        /// `, only A, B`, where there are some.
        known: String,
    },
    /// One file for all functions cannot serve these two.
    #[error("`{variable}` is not the same in `{one}` and `{other}`")]
    Differs {
        /// The variable.
        variable: String,
        /// A function.
        one: String,
        /// Another one.
        other: String,
    },
    /// Tools read such a value in different ways, or not at all.
    #[error("no env file can hold the value of `{variable}`")]
    Unwritable {
        /// The variable.
        variable: String,
    },
}

/// The env file of one function, or one that serves all of them: `NAME=VALUE` lines in the order of
/// the names. A function's own variables win over `shared`.
pub(crate) fn env_file(
    plan: &Plan,
    shared: &BTreeMap<String, String>,
    function: Option<&str>,
) -> Result<String, EnvFileError> {
    let wanted = |name: &str| function.is_none_or(|function| function == name);
    let functions: Vec<_> =
        plan.functions.iter().filter(|function| wanted(&function.name)).collect();
    if let (Some(wanted), []) = (function, functions.as_slice()) {
        let known = plan.functions.iter().enumerate();
        let known = known.map(|(at, function)| {
            format!("{} `{}`", if at == 0 { ", only" } else { "," }, function.name)
        });
        return Err(EnvFileError::NoFunction { wanted: wanted.to_owned(), known: known.collect() });
    }
    let mut text = String::new();
    for (variable, value) in union(&functions, shared)? {
        let Some(value) = quoted(value) else {
            return Err(EnvFileError::Unwritable { variable: variable.to_owned() });
        };
        writeln!(text, "{variable}={value}").expect("a string takes everything");
    }
    Ok(text)
}

/// Every variable with its value, which must be the same in all functions that have it.
fn union<'a>(
    functions: &[&'a Function],
    shared: &'a BTreeMap<String, String>,
) -> Result<BTreeMap<&'a str, &'a str>, EnvFileError> {
    let pairs = |map: &'a BTreeMap<String, String>| map.iter().map(|(k, v)| (&**k, &**v));
    // Whose value it is, for the message.
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut all: BTreeMap<&str, &str> = BTreeMap::new();
    for function in functions {
        let mut own: BTreeMap<_, _> = pairs(shared).collect();
        own.extend(pairs(&function.environment));
        for (variable, value) in own {
            let one = owners.entry(variable).or_insert(&function.name);
            if *all.entry(variable).or_insert(value) != value {
                return Err(EnvFileError::Differs {
                    variable: variable.to_owned(),
                    one: (*one).to_owned(),
                    other: function.name.clone(),
                });
            }
        }
    }
    if functions.is_empty() {
        all.extend(pairs(shared));
    }
    Ok(all)
}

/// The value as a shell and `cargo lambda --env-file` both read it; `None` where they disagree.
/// The latter takes a backslash and an `n` for a line's end, whatever the quotes.
fn quoted(value: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,".contains(&byte);
    if value.contains("\\n") {
        None
    } else if !value.is_empty() && value.bytes().all(is_plain) {
        Some(value.to_owned())
    } else if !value.contains('\'') {
        Some(format!("'{value}'"))
    } else if !value.contains(['"', '$', '`', '\\', '!']) {
        Some(format!("\"{value}\""))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use template::Code;

    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn plan(functions: &[(&str, &[(&str, &str)])]) -> Plan {
        let functions = functions.iter().map(|(name, environment)| Function {
            logical_id: (*name).to_owned(),
            name: (*name).to_owned(),
            code: Code::Prebuilt { path: PathBuf::new() },
            handler: "bootstrap".to_owned(),
            timeout: Duration::from_secs(3),
            memory_mb: 128,
            environment: map(environment),
            reserved_concurrency: None,
            environment_concurrency: 1,
            environments_max: None,
            logging: template::Logging::default(),
            events: template::EventInvoke::default(),
            alias: None,
        });
        Plan { functions: functions.collect(), ..Plan::default() }
    }

    #[test]
    fn one_file_holds_what_any_function_needs() {
        let plan = plan(&[("a", &[("TOPIC", "t"), ("A", "1")]), ("b", &[("TOPIC", "t")])]);
        let text = env_file(&plan, &map(&[("REGION", "r")]), None).unwrap();
        assert_eq!(text, "A=1\nREGION=r\nTOPIC=t\n");
    }

    #[test]
    fn one_function_gets_its_own_and_the_shared_ones() {
        let plan = plan(&[("a", &[("REGION", "mine")]), ("b", &[("B", "1")])]);
        let shared = map(&[("REGION", "r")]);
        assert_eq!(env_file(&plan, &shared, Some("a")).unwrap(), "REGION=mine\n");
        assert_eq!(env_file(&plan, &shared, Some("b")).unwrap(), "B=1\nREGION=r\n");
    }

    #[test]
    fn a_template_without_functions_has_the_shared_ones() {
        let text = env_file(&plan(&[]), &map(&[("REGION", "r")]), None).unwrap();
        assert_eq!(text, "REGION=r\n");
    }

    #[test]
    fn functions_that_disagree_are_named() {
        let plan = plan(&[("a", &[("REGION", "mine")]), ("b", &[])]);
        let error = env_file(&plan, &map(&[("REGION", "r")]), None).unwrap_err().to_string();
        assert_eq!(error, "`REGION` is not the same in `a` and `b`");
    }

    #[test]
    fn an_unknown_function_is_told_which_there_are() {
        let plan = plan(&[("a", &[]), ("b", &[])]);
        let error = env_file(&plan, &map(&[]), Some("c")).unwrap_err().to_string();
        assert_eq!(error, "there is no function `c`, only `a`, `b`");
    }

    #[test]
    fn values_are_quoted_so_that_shells_and_cargo_lambda_read_the_same() {
        let check = |value, expected: Option<&str>| assert_eq!(quoted(value).as_deref(), expected);
        check("http://127.0.0.1:8000", Some("http://127.0.0.1:8000"));
        check("", Some("''"));
        check("dev:a2V5=", Some("'dev:a2V5='"));
        check(r#"{"a": "$HOME #1"}"#, Some(r#"'{"a": "$HOME #1"}'"#));
        check("two\nlines", Some("'two\nlines'"));
        check("it's", Some("\"it's\""));
        check("it's $5", None);
        check(r"C:\new", None);
    }

    #[test]
    fn a_value_that_no_file_can_hold_names_its_variable_and_not_itself() {
        let plan = plan(&[("a", &[("SECRET", "it's $5")])]);
        let error = env_file(&plan, &map(&[]), None).unwrap_err().to_string();
        assert_eq!(error, "no env file can hold the value of `SECRET`");
    }
}
