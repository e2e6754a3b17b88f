//! From the plan's functions to programs that can be started: builds what is a cargo package and
//! looks up what is built already. Starts nothing but cargo.

mod messages;
mod prebuilt;
mod workspace;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use template::{Code, Function};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::notice::{Notice, Notices};
use messages::{Executable, Lines, Progress};
use workspace::Workspace;

/// How much of cargo's text is kept for the case that the build fails: its end, since the first
/// error of a crate stands after the warnings of the crates before it.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// What `cargo run` and `cargo test` set for the program that they start. A cargo that is started
/// from there must not see it: build scripts that read these, such as ring's, would run again, and
/// with them everything that depends on their crates.
///
/// Source: <https://doc.rust-lang.org/cargo/reference/environment-variables.html>
pub const CARGO_RUN_VARIABLES: [&str; 17] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
    "CARGO_PRIMARY_PACKAGE",
];

/// Where the programs of functions come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The cargo to build with.
    pub cargo: PathBuf,
    /// With optimisations.
    pub release: bool,
    /// Run `<artifacts>/<LogicalId>/bootstrap` and build nothing.
    pub artifacts: Option<PathBuf>,
}

/// A program that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) executable: PathBuf,
    /// Where it runs: on AWS the folder of the function's code.
    pub(crate) directory: PathBuf,
}

/// Why there is no program for a function.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Nothing is at the place where the built program should be.
    #[error("`{path}`, the program of function `{function}`, does not exist")]
    Missing {
        /// The logical id.
        function: String,
        /// The path looked at.
        path: PathBuf,
    },
    /// The built program is for another system or processor.
    #[error("`{path}`, the program of function `{function}`, is built for {machine}")]
    Foreign {
        /// The logical id.
        function: String,
        /// The program.
        path: PathBuf,
        /// What it is built for.
        machine: &'static str,
    },
    /// A tool is not installed, or cannot be started.
    #[error("`{tool}` is needed to build the functions and is not installed")]
    NoTool {
        /// What to install.
        tool: String,
        /// What the system said, where it was cargo itself.
        #[source]
        source: Option<io::Error>,
    },
    /// Cargo does not understand the folder of a function.
    #[error("cargo cannot read the package of function `{function}` in `{directory}`")]
    NotAPackage {
        /// The logical id.
        function: String,
        /// Its `CodeUri`.
        directory: PathBuf,
        /// What cargo said.
        text: String,
    },
    /// The package has no binary, or several.
    #[error("function `{function}` needs one binary in `{directory}`, found: {found}")]
    WhichBinary {
        /// The logical id.
        function: String,
        /// Its `CodeUri`.
        directory: PathBuf,
        /// The binaries' names.
        found: String,
    },
    /// The compiler refused.
    #[error("failed to build {functions}")]
    Compiler {
        /// The functions, comma-separated.
        functions: String,
        /// What cargo and the compiler said.
        text: String,
    },
    /// Cargo ran and went away.
    #[error("cargo stopped unexpectedly")]
    Interrupted {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Finds or builds the program of each function, by logical id.
pub(crate) async fn programs(
    functions: &[Function],
    sources: &Sources,
    notices: &Notices,
) -> Result<BTreeMap<String, Program>, BuildError> {
    let mut programs = BTreeMap::new();
    let mut workspaces: Vec<Workspace> = Vec::new();
    for function in functions {
        let id = &function.logical_id;
        match (&sources.artifacts, &function.code) {
            (Some(artifacts), _) => {
                programs.insert(id.clone(), prebuilt::program(id, &artifacts.join(id))?);
            }
            (None, Code::Prebuilt { path }) => {
                programs.insert(id.clone(), prebuilt::program(id, path)?);
            }
            (None, Code::Cargo { directory, binary }) => {
                if !workspaces.iter().any(|workspace| workspace.covers(directory)) {
                    workspaces.push(inspect(&sources.cargo, id, directory).await?);
                }
                let covering = workspaces.iter_mut().find(|workspace| workspace.covers(directory));
                let workspace = covering.ok_or_else(|| BuildError::NotAPackage {
                    function: id.clone(),
                    directory: directory.clone(),
                    text: String::new(),
                })?;
                workspace.select(id, directory, binary.as_deref())?;
            }
        }
    }
    for workspace in &workspaces {
        let built = build(workspace, sources, notices).await?;
        for wanted in workspace.selected() {
            let executable = wanted.find(&built).ok_or_else(|| BuildError::Missing {
                function: wanted.function.clone(),
                path: wanted.directory.join(&wanted.binary),
            })?;
            let directory = wanted.directory.clone();
            programs.insert(wanted.function.clone(), Program { executable, directory });
        }
    }
    Ok(programs)
}

/// Asks cargo what the workspace around a function's folder holds.
async fn inspect(cargo: &Path, function: &str, directory: &Path) -> Result<Workspace, BuildError> {
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]);
    command.arg(directory.join("Cargo.toml")).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|source| no_cargo(cargo, source))?;
    if output.status.success()
        && let Ok(workspace) = Workspace::parse(&output.stdout)
    {
        return Ok(workspace);
    }
    Err(BuildError::NotAPackage {
        function: function.to_owned(),
        directory: directory.to_owned(),
        text: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Builds all selected binaries of one workspace in one call, so that features are unified and
/// nothing compiles twice, whether the person runs `cargo build`, the tests or `up`.
async fn build(
    workspace: &Workspace,
    sources: &Sources,
    notices: &Notices,
) -> Result<Vec<Executable>, BuildError> {
    let mut command = Command::new(&sources.cargo);
    for name in CARGO_RUN_VARIABLES {
        command.env_remove(name);
    }
    command
        .current_dir(workspace.root())
        .args(["build", "--workspace", "--message-format", "json-render-diagnostics"])
        .args(sources.release.then_some("--release"))
        .args(workspace.selected().flat_map(|wanted| ["--bin", &wanted.binary]))
        .env("CARGO_TERM_COLOR", if notices.in_colour() { "always" } else { "never" })
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "80")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    notices.send(Notice::Building { done: 0, of: 0 });
    let mut child = command.spawn().map_err(|source| no_cargo(&sources.cargo, source))?;
    let mut stdout = child.stdout.take().expect("it is piped");
    let stderr = child.stderr.take().expect("it is piped");
    let mut artifacts = Vec::new();
    let (_, text, status) =
        tokio::try_join!(stdout.read_to_end(&mut artifacts), follow(stderr, notices), child.wait())
            .map_err(|source| BuildError::Interrupted { source })?;
    notices.send(Notice::Built);
    if status.success() {
        return Ok(messages::executables(&artifacts));
    }
    if let Some(tool) = messages::missing_tool(&text) {
        return Err(BuildError::NoTool { tool: tool.to_owned(), source: None });
    }
    let functions: Vec<_> =
        workspace.selected().map(|wanted| format!("`{}`", wanted.function)).collect();
    Err(BuildError::Compiler { functions: functions.join(", "), text })
}

/// Reads cargo's stderr to its end: passes progress on and returns the rest.
async fn follow(mut stderr: impl AsyncRead + Unpin, notices: &Notices) -> io::Result<String> {
    let mut lines = Lines::default();
    let mut text = String::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let length = stderr.read(&mut chunk).await?;
        for line in lines.push(&chunk[..length]) {
            match Progress::parse(&line) {
                Progress::Of { done, of } => notices.send(Notice::Building { done, of }),
                Progress::Step => {}
                Progress::Text => {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
        }
        if text.len() > TEXT_BYTES_MAX {
            let cut = text.ceil_char_boundary(text.len() - TEXT_BYTES_MAX);
            text.drain(..cut);
        }
        if length == 0 {
            return Ok(text);
        }
    }
}

fn no_cargo(cargo: &Path, source: io::Error) -> BuildError {
    BuildError::NoTool { tool: cargo.display().to_string(), source: Some(source) }
}

#[cfg(test)]
mod tests;
