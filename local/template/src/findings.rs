//! What is wrong or surprising in a template, and where.
//! Collects; it never decides what is wrong.

use std::{cell::RefCell, fmt, io, path::PathBuf};

use crate::plan::Warning;

/// A place in a template's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// One thing that keeps a template from being run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the file.
    pub position: Position,
    /// The keys that lead there: `Resources.RegisterEvent.Properties.Timeout`; empty for the text
    /// as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What would help.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        write!(f, "{line}:{column} ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read, or is not UTF-8.
    #[error("failed to read the template `{}`", path.display())]
    Unreadable {
        /// The template's path, as given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The template has problems: one line each, as `template.yaml:12:7 Resources.X: …`.
    #[error("{}", lines(file, problems))]
    Invalid {
        /// The template's path, as given.
        file: PathBuf,
        /// Every problem found, in the order of the file; never empty.
        problems: Vec<Problem>,
    },
}

fn lines(file: &std::path::Path, problems: &[Problem]) -> String {
    let line = |problem| format!("{}:{problem}", file.display());
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Where the parts of one reading put what they find.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Warning>>,
}

impl Findings {
    pub(crate) fn problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub(crate) fn warning(&self, position: Position, message: impl Into<String>) {
        let warning = Warning { line: position.line, message: message.into() };
        self.warnings.borrow_mut().push(warning);
    }

    /// The warnings of a template without problems, else its problems; both in the order of the
    /// file, each once: what `Globals` has wrong is not repeated for every resource it reaches.
    pub(crate) fn finish(self) -> Result<Vec<Warning>, Vec<Problem>> {
        let mut problems = self.problems.into_inner();
        problems.sort_by(|a, b| (a.position, &a.message).cmp(&(b.position, &b.message)));
        problems.dedup_by(|b, a| (a.position, &a.message) == (b.position, &b.message));
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut warnings = self.warnings.into_inner();
        warnings.sort_by_key(|warning| warning.line);
        warnings.dedup();
        Ok(warnings)
    }
}
