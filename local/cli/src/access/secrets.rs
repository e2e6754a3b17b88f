//! A file of secrets, as Secrets Manager would give them: a JSON object from names or ARNs to JSON
//! objects of texts. What is secret is never shown, not by an error either.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-cluster-auth.html>

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::AccessError;

/// What ends a secret's ARN after its name: a hyphen and six letters or digits.
const SUFFIX_LENGTH: usize = 7;

/// All secrets of a file.
#[derive(Clone)]
pub(super) struct Secrets {
    path: PathBuf,
    secrets: Map<String, Value>,
}

/// One of them.
pub(super) struct Secret<'s> {
    path: &'s Path,
    name: &'s str,
    fields: Map<String, Value>,
}

impl Secrets {
    pub(super) fn read(path: &Path) -> Result<Self, AccessError> {
        let path = path.to_owned();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(AccessError::Unreadable { path, source }),
        };
        match parse(&text, &path, "the text")? {
            Value::Object(secrets) => Ok(Self { path, secrets }),
            _ => Err(AccessError::NotAnObject { path, what: "the text".to_owned() }),
        }
    }

    /// The secret under this name or ARN; an ARN finds it under the name in it, too.
    pub(super) fn find<'s>(&'s self, wanted: &'s str) -> Result<Secret<'s>, AccessError> {
        let path = || self.path.clone();
        let value = names(wanted).find_map(|name| self.secrets.get(name));
        let value = value
            .ok_or_else(|| AccessError::NoSecret { path: path(), secret: wanted.to_owned() })?;
        let what = format!("secret `{wanted}`");
        // As text it is what Secrets Manager calls a `SecretString`.
        let value = match value {
            Value::String(text) => parse(text, &self.path, &what)?,
            value => value.clone(),
        };
        match value {
            Value::Object(fields) => Ok(Secret { path: &self.path, name: wanted, fields }),
            _ => Err(AccessError::NotAnObject { path: path(), what }),
        }
    }
}

/// `serde_json`'s own message could show what stands there.
fn parse(text: &str, path: &Path, what: &str) -> Result<Value, AccessError> {
    serde_json::from_str(text).map_err(|error| {
        let path = path.to_owned();
        if what == "the text" {
            AccessError::NotJson { path, line: error.line(), column: error.column() }
        } else {
            AccessError::NotAnObject { path, what: what.to_owned() }
        }
    })
}

/// What a secret may be called in the file, best first.
fn names(wanted: &str) -> impl Iterator<Item = &str> {
    let with_suffix = wanted.split_once(":secret:").map(|(_, name)| name);
    let bare = with_suffix.and_then(|name| {
        let (bare, suffix) = name.split_at_checked(name.len().checked_sub(SUFFIX_LENGTH)?)?;
        suffix.starts_with('-').then_some(bare)
    });
    [Some(wanted), with_suffix, bare].into_iter().flatten()
}

impl Secret<'_> {
    pub(super) fn text(&self, field: &'static str) -> Result<String, AccessError> {
        let text = self.fields.get(field).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| AccessError::NoField {
            path: self.path.to_owned(),
            secret: self.name.to_owned(),
            field,
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secrets in `{}`", self.path.display())
    }
}
