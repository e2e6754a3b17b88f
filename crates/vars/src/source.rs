//! Where variables come from. The only file that looks at the process environment.

use std::collections::BTreeMap;

/// Named texts.
pub trait Source {
    /// The variable's value, `None` when it is not set.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of this process. A value that is not Unicode counts as not set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

impl Source for Environment {
    #[expect(clippy::disallowed_methods, reason = "this is where configuration enters")]
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// What tests read from.
impl Source for BTreeMap<&str, &str> {
    fn get(&self, name: &str) -> Option<String> {
        Self::get(self, name).map(|&value| value.to_owned())
    }
}
