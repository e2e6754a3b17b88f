//! Reads typed values and remembers every problem. Knows no variable by name.

use std::{error, fmt, ops::RangeInclusive, str::FromStr};

use crate::{Secret, Source};

/// Reads a configuration. `build` asks the reader for everything it needs, and returns `None` when something it got
/// was `None`.
pub fn read<T>(
    source: &dyn Source,
    build: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Result<T, ConfigError> {
    let mut reader = Reader { source, problems: Vec::new() };
    let built = build(&mut reader);
    match built {
        Some(config) if reader.problems.is_empty() => Ok(config),
        _ => Err(ConfigError { problems: reader.problems }),
    }
}

/// Gives out values. Each method returns `None` exactly when it noted a problem, except [`Reader::optional`].
pub struct Reader<'a> {
    source: &'a dyn Source,
    problems: Vec<Problem>,
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("problems", &self.problems).finish_non_exhaustive()
    }
}

impl Reader<'_> {
    /// A text that may be absent.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.source.get(name).filter(|value| !value.is_empty())
    }

    /// A text that must be there.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.problem(name, None, "a value".to_owned());
        }
        value
    }

    /// A number within a range, with a default.
    pub fn number_or<N>(
        &mut self,
        name: &'static str,
        default: N,
        range: RangeInclusive<N>,
    ) -> Option<N>
    where
        N: FromStr + PartialOrd + fmt::Display,
    {
        let Some(value) = self.optional(name) else { return Some(default) };
        match value.parse::<N>() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let expected = format!("a number from {} to {}", range.start(), range.end());
                self.problem(name, Some(value), expected);
                None
            }
        }
    }

    /// One of some spellings, with a default.
    pub fn choice_or<T: Copy>(
        &mut self,
        name: &'static str,
        default: T,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let Some(value) = self.optional(name) else { return Some(default) };
        let chosen = choices.iter().find(|(spelling, _)| *spelling == value);
        if let Some((_, choice)) = chosen {
            return Some(*choice);
        }
        let spellings: Vec<String> =
            choices.iter().map(|(spelling, _)| format!("`{spelling}`")).collect();
        self.problem(name, Some(value), format!("one of {}", spellings.join(", ")));
        None
    }

    /// A value with a shape of its own, with the shape of an empty text where there is none.
    pub fn parsed<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.optional(name).unwrap_or_default();
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.problem(name, Some(value), format!("a usable value ({error})"));
                None
            }
        }
    }

    /// A secret that must be there.
    pub fn secret(&mut self, name: &'static str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// A secret with a shape of its own. The parser's error must not quote the secret.
    pub fn parsed_secret<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let secret = self.secret(name)?;
        match parse(secret.reveal()) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.refuse(name, format!("a usable value ({error})"));
                None
            }
        }
    }

    /// Notes a problem that only the caller can see: a combination, or a value this build cannot serve.
    /// `expected` completes "expected …".
    pub fn refuse(&mut self, name: &'static str, expected: String) {
        self.problems.push(Problem { name, value: Value::Withheld, expected });
    }

    fn problem(&mut self, name: &'static str, value: Option<String>, expected: String) {
        let value = value.map_or(Value::NotSet, Value::Shown);
        self.problems.push(Problem { name, value, expected });
    }
}

/// Everything that is wrong with the variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "variable" } else { "variables" };
        write!(f, "{count} {noun} cannot be used: ")?;
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl error::Error for ConfigError {}

/// One variable, what it is and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    name: &'static str,
    value: Value,
    expected: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    NotSet,
    Shown(String),
    Withheld,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, expected } = self;
        match value {
            Value::NotSet => write!(f, "`{name}` is not set, expected {expected}"),
            Value::Shown(value) => write!(f, "`{name}` is `{value}`, expected {expected}"),
            Value::Withheld => write!(f, "`{name}` cannot be used, expected {expected}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Auth {
        None,
        Iam,
    }

    const AUTH: &[(&str, Auth)] = &[("none", Auth::None), ("iam", Auth::Iam)];

    #[track_caller]
    fn reads<T: fmt::Debug + PartialEq>(
        source: &BTreeMap<&str, &str>,
        build: impl FnOnce(&mut Reader<'_>) -> Option<T>,
        expected: Result<T, &str>,
    ) {
        let read = read(source, build).map_err(|error| error.to_string());
        assert_eq!(read, expected.map_err(str::to_owned));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let source = BTreeMap::from([("A", ""), ("B", "x"), ("C", "plain"), ("D", "pass word")]);
        reads::<()>(
            &source,
            |vars| {
                vars.text("A");
                vars.number_or("B", 1_u16, 1..=10);
                vars.choice_or("C", Auth::None, AUTH);
                vars.parsed_secret("D", |_| Err::<(), _>("too weak"));
                vars.secret("E");
                None
            },
            Err("5 variables cannot be used: \
                 `A` is not set, expected a value; \
                 `B` is `x`, expected a number from 1 to 10; \
                 `C` is `plain`, expected one of `none`, `iam`; \
                 `D` cannot be used, expected a usable value (too weak); \
                 `E` is not set, expected a value"),
        );
    }

    #[test]
    fn defaults_fill_in_for_absent_and_empty_variables() {
        let source = BTreeMap::from([("N", "")]);
        reads(&source, |vars| vars.number_or("N", 7, 0..=9), Ok(7));
        reads(&source, |vars| vars.choice_or("C", Auth::Iam, AUTH), Ok(Auth::Iam));
        reads(&source, |vars| Some(vars.optional("O")), Ok(None));
    }

    #[test]
    fn given_values_win_over_defaults() {
        let source = BTreeMap::from([("N", "8"), ("C", "iam"), ("O", "o")]);
        reads(&source, |vars| vars.number_or("N", 7, 0..=9), Ok(8));
        reads(&source, |vars| vars.choice_or("C", Auth::None, AUTH), Ok(Auth::Iam));
        reads(&source, |vars| Some(vars.optional("O")), Ok(Some("o".to_owned())));
    }

    #[test]
    fn a_number_outside_its_range_is_a_problem() {
        for value in ["0", "11", "-1", "1.5", "99999"] {
            let source = BTreeMap::from([("N", value)]);
            let expected = format!(
                "1 variable cannot be used: `N` is `{value}`, expected a number from 1 to 10"
            );
            reads(&source, |vars| vars.number_or("N", 1_u16, 1..=10), Err(&expected));
        }
    }

    #[test]
    fn a_value_may_have_a_shape_of_its_own() {
        let digits = |text: &str| text.chars().map(|c| c.to_digit(10).ok_or("no digit")).collect();
        let source = BTreeMap::from([("D", "12"), ("X", "1x")]);
        reads::<Vec<u32>>(&source, |vars| vars.parsed("D", digits), Ok(vec![1, 2]));
        reads::<Vec<u32>>(&source, |vars| vars.parsed("absent", digits), Ok(vec![]));
        reads::<Vec<u32>>(
            &source,
            |vars| vars.parsed("X", digits),
            Err("1 variable cannot be used: `X` is `1x`, expected a usable value (no digit)"),
        );
    }

    #[test]
    fn a_refused_combination_fails_even_if_something_was_built() {
        let source = BTreeMap::new();
        reads(
            &source,
            |vars| {
                vars.refuse("KAFKA_AUTH", "`none` in a build without `tls`".to_owned());
                Some(1)
            },
            Err("1 variable cannot be used: \
                 `KAFKA_AUTH` cannot be used, expected `none` in a build without `tls`"),
        );
    }

    #[test]
    fn secrets_never_show() {
        let source = BTreeMap::from([("S", "hunter2")]);
        let secret = read(&source, |vars| vars.secret("S")).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.reveal(), "hunter2");
        let error =
            read(&source, |vars| vars.parsed_secret("S", |_| Err::<(), _>("no"))).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
