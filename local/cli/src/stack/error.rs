//! Why a stack does not start, with what the person can do about it.

use std::io;
use std::path::{Path, PathBuf};

use broker::{BrokerStartError, DataDirError};
use gateway::GatewayStartError;
use poller::PollerStartError;
use table::TableStartError;
use template::{EnvVarsError, TemplateError, Warning};

use super::cluster::ClusterError;
use super::ports::PortError;
use crate::access::AccessError;
use crate::build::BuildError;
use crate::data_folder::DataFolderError;
use crate::exit::Exit;
use crate::run_file::RunFileError;

/// Why a stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataFolderError),
    /// A port cannot be had.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Kafka elsewhere cannot be got at.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The Kafka given cannot be used.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The `--env-vars` file cannot be read.
    #[error("failed to read `{path}`")]
    EnvVarsUnreadable {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// The `--env-vars` file has another shape.
    #[error("`{path}` is not a file of variables")]
    EnvVars {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: EnvVarsError,
    },
    /// The template has problems.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The template has warnings, and `--strict` makes errors of them.
    #[error("{}", strict(file, warnings))]
    Strict {
        /// The template.
        file: PathBuf,
        /// Its warnings.
        warnings: Vec<Warning>,
    },
    /// A function has no program.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// DynamoDB does not start.
    #[error("failed to start DynamoDB")]
    Table(#[source] TableStartError),
    /// The broker's data has no readable cluster id.
    #[error("failed to read the id of the Kafka cluster")]
    ClusterId(#[source] DataDirError),
    /// The broker does not start.
    #[error("failed to start the Kafka broker")]
    Broker(#[source] BrokerStartError),
    /// The thread that serves requests does not start.
    #[error("failed to start the thread that serves requests")]
    Front(#[source] io::Error),
    /// The routes make no sense.
    #[error("failed to start the HTTP API")]
    Gateway(#[source] GatewayStartError),
    /// A mapping does not start.
    #[error("failed to start the mapping of `{function}` to topic `{topic}`")]
    Mapping {
        /// The function's name.
        function: String,
        /// The topic.
        topic: String,
        /// What the poller said.
        #[source]
        source: Box<PollerStartError>,
    },
    /// The run file cannot be written.
    #[error(transparent)]
    RunFile(#[from] RunFileError),
}

/// A line for each warning, as for a template's problems.
fn strict(file: &Path, warnings: &[Warning]) -> String {
    let line =
        |warning: &Warning| format!("{}:{} {}", file.display(), warning.line, warning.message);
    warnings.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl UpError {
    /// The exit code that fits.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Access(error) => error.exit(),
            Self::Data(DataFolderError::Foreign { .. })
            | Self::EnvVarsUnreadable { .. }
            | Self::EnvVars { .. }
            | Self::Template(_)
            | Self::Strict { .. }
            | Self::Gateway(_)
            | Self::Build(
                BuildError::NotAPackage { .. }
                | BuildError::WhichBinary { .. }
                | BuildError::Foreign { .. },
            ) => Exit::Configuration,
            Self::Mapping { source, .. } if source.is_certificate() => Exit::Configuration,
            Self::Data(DataFolderError::InUse { .. })
            | Self::Port(_)
            | Self::Cluster(_)
            | Self::Build(BuildError::Missing { .. } | BuildError::NoTool { .. }) => {
                Exit::Unavailable
            }
            Self::Data(DataFolderError::Inaccessible { .. })
            | Self::Build(BuildError::Compiler { .. } | BuildError::Interrupted { .. })
            | Self::Front(_)
            | Self::Table(_)
            | Self::ClusterId(_)
            | Self::Broker(_)
            | Self::Mapping { .. }
            | Self::RunFile(_) => Exit::Failed,
        }
    }

    /// What the person can do about it, in one line.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => Some(error.hint().to_owned()),
            Self::Access(error) => error.hint().map(str::to_owned),
            Self::Port(error) => error
                .purpose()
                .flag()
                .map(|flag| format!("pass {flag} with another port, or with 0 for a free one")),
            Self::Cluster(ClusterError::Absent { .. }) => {
                Some("start that Kafka, or leave --kafka out to use the embedded broker".to_owned())
            }
            Self::Cluster(ClusterError::Refuses { .. }) => {
                Some("--kafka-access and --secrets say how to get at it".to_owned())
            }
            Self::Build(BuildError::NoTool { tool, .. }) => Some(install(tool)),
            Self::Build(BuildError::Missing { .. }) => {
                Some("build it first, as `sam build` does".to_owned())
            }
            Self::Build(BuildError::Foreign { .. }) => Some(
                "this machine cannot run it: build it for the machine it is to run on".to_owned(),
            ),
            Self::Build(BuildError::WhichBinary { .. }) => {
                Some("name it in the function's Metadata: BuildProperties: Binary".to_owned())
            }
            Self::Build(BuildError::NotAPackage { .. }) => {
                Some("CodeUri must be a folder with a Cargo.toml".to_owned())
            }
            Self::Table(_) | Self::ClusterId(_) | Self::Broker(_) => Some(
                "where the data is damaged, `cargo local up --fresh` starts without it".to_owned(),
            ),
            _ => None,
        }
    }

    /// Text of another program that explains the error, to be shown before it.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Build(
                BuildError::Compiler { text, .. } | BuildError::NotAPackage { text, .. },
            ) => Some(text),
            _ => None,
        }
    }
}

/// How to install what a build needs.
fn install(tool: &str) -> String {
    match tool {
        "cc" => "install a C compiler: `apt install build-essential`, or on macOS \
                 `xcode-select --install`"
            .to_owned(),
        "c++" => "install a C++ compiler: `apt install build-essential`, or on macOS \
                  `xcode-select --install`"
            .to_owned(),
        "make" | "cmake" => {
            format!("install it: `apt install {tool}`, or on macOS `xcode-select --install`")
        }
        _ => "install Rust from https://rustup.rs, or run built functions with --artifacts"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ports::Purpose;
    use super::*;

    #[track_caller]
    fn check(error: &UpError, exit: Exit, hint: &str) {
        assert_eq!(error.exit(), exit, "{error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error}: {:?}", error.hint());
    }

    #[test]
    fn what_is_missing_is_69_and_the_hint_says_how_to_get_it() {
        let taken = PortError::Taken { port: 3000, purpose: Purpose::Gateway };
        check(&taken.into(), Exit::Unavailable, "--gateway-port");
        let tool = |tool: &str| BuildError::NoTool { tool: tool.to_owned(), source: None };
        check(&tool("cc").into(), Exit::Unavailable, "C compiler");
        check(&tool("c++").into(), Exit::Unavailable, "C++ compiler");
        check(&tool("make").into(), Exit::Unavailable, "apt install make");
        check(&tool("/home/me/.cargo/bin/cargo").into(), Exit::Unavailable, "rustup.rs");
        let path = PathBuf::from("/a/F/bootstrap");
        let missing = BuildError::Missing { function: "F".to_owned(), path };
        check(&missing.into(), Exit::Unavailable, "sam build");
        let absent =
            ClusterError::Absent { bootstrap: "localhost:1".to_owned(), detail: String::new() };
        check(&absent.into(), Exit::Unavailable, "leave --kafka out");
        let in_use = DataFolderError::InUse { path: PathBuf::from("d"), pid: 7, at: String::new() };
        check(&in_use.into(), Exit::Unavailable, "cargo local down");
    }

    #[test]
    fn what_the_person_wrote_wrongly_is_64() {
        let foreign = DataFolderError::Foreign { path: PathBuf::from("d") };
        check(&foreign.into(), Exit::Configuration, "--data");
        let directory = PathBuf::from("/w");
        let which =
            BuildError::WhichBinary { function: "F".to_owned(), directory, found: String::new() };
        check(&which.into(), Exit::Configuration, "BuildProperties: Binary");
        let (function, path) = ("F".to_owned(), PathBuf::from("/a/F/bootstrap"));
        let foreign = BuildError::Foreign { function, path, machine: "Linux on arm64" };
        check(&foreign.into(), Exit::Configuration, "this machine cannot run it");
    }

    #[test]
    fn the_compilers_text_is_shown_before_the_error() {
        let error = UpError::from(BuildError::Compiler {
            functions: "`F`".to_owned(),
            text: "error[E0425]".to_owned(),
        });
        assert_eq!(error.exit(), Exit::Failed);
        assert_eq!(error.text(), Some("error[E0425]"));
        assert_eq!(error.to_string(), "failed to build `F`");
    }
}
