//! What cargo says while it builds: progress and text on stderr, the programs made on stdout.

use std::path::PathBuf;

use anstream::adapter::strip_str;
use serde::Deserialize;

/// Something that the build cannot do without, and how compilers and build scripts say that it is
/// not there.
const MISSING: [(&str, &[&str]); 4] = [
    (
        "cc",
        &[
            "linker `cc` not found",
            "failed to find tool \"cc\"",
            "Is `cc` installed?",
            "no acceptable C compiler",
        ],
    ),
    // rdkafka's configure asks for it by this name, the crate `cc` by the other.
    ("c++", &["c++: command not found", "c++: not found", "failed to find tool \"c++\""]),
    ("make", &["make: command not found", "make: not found", "is `make` not installed?"]),
    ("cmake", &["is `cmake` not installed?"]),
];

/// Line of rdkafka's build script that announces `make`; the panic that follows does not name it.
const MAKE_ANNOUNCED: &str = "Running command: \"make";

/// A program that cargo made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Executable {
    /// The package it belongs to.
    pub(super) manifest: PathBuf,
    pub(super) binary: String,
    pub(super) path: PathBuf,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The programs named in the output of `--message-format json`, one JSON object a line.
pub(super) fn executables(output: &[u8]) -> Vec<Executable> {
    let messages = output
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    messages
        .filter(|message| message.reason == "compiler-artifact")
        .filter_map(|message| {
            Some(Executable {
                manifest: message.manifest_path?,
                binary: message.target?.name,
                path: message.executable?,
            })
        })
        .collect()
}

/// Cuts a stream of bytes into lines that end in a line feed or, as progress does, a return.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes and gives the lines that are complete now; no bytes are the end.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let complete = if bytes.is_empty() {
            self.rest.len()
        } else {
            self.rest.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1)
        };
        let taken: Vec<u8> = self.rest.drain(..complete).collect();
        let lines = taken.split(|byte| matches!(byte, b'\n' | b'\r'));
        let lines = lines.map(|line| String::from_utf8_lossy(line).into_owned());
        lines.filter(|line| !strip_str(line).to_string().trim().is_empty()).collect()
    }
}

/// What a line of cargo's stderr is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many units are done.
    Of {
        /// Units done.
        done: u32,
        /// Units in all.
        of: u32,
    },
    /// A step is announced (`Compiling bytes v1.11.0`): of no use once it is over.
    Step,
    /// Anything else: what the person wants to read when the build fails.
    Text,
}

impl Progress {
    /// Reads `    Building [=====>   ] 12/345: bytes, http`.
    pub(super) fn parse(line: &str) -> Self {
        let plain = strip_str(line).to_string();
        let plain = plain.trim_start();
        let (word, rest) = plain.split_once(' ').unwrap_or((plain, ""));
        match word {
            "Building" => Self::counted(rest).unwrap_or(Self::Step),
            "Compiling" | "Checking" | "Fresh" | "Dirty" | "Finished" | "Locking" | "Updating"
            | "Downloading" | "Downloaded" | "Adding" | "Blocking" => Self::Step,
            _ => Self::Text,
        }
    }

    fn counted(rest: &str) -> Option<Self> {
        let (_, counts) = rest.split_once("] ")?;
        let (done, of) = counts.split(':').next()?.split_once('/')?;
        Some(Self::Of { done: done.trim().parse().ok()?, of: of.trim().parse().ok()? })
    }
}

/// The tool that a failed build lacked, if that is what its text says.
pub(super) fn missing_tool(text: &str) -> Option<&'static str> {
    let plain = strip_str(text).to_string();
    let said = |phrases: &[&str]| phrases.iter().any(|phrase| plain.contains(phrase));
    if let Some((tool, _)) = MISSING.iter().find(|(_, phrases)| said(phrases)) {
        return Some(tool);
    }
    let after_make = plain.rsplit_once(MAKE_ANNOUNCED).map_or("", |(_, after)| after);
    after_make.contains("No such file or directory (os error 2)").then_some("make")
}
