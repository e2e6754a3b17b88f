//! What a run ran on: a figure means nothing without it.

use std::env::consts::{ARCH, OS};
use std::fs;

use serde::Serialize;

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// How many threads run at a time.
    pub cores: usize,
    /// The processor's name, where the system tells it.
    pub cpu: Option<String>,
    /// The operating system with its version and architecture.
    pub system: String,
}

impl Machine {
    /// This one. Starts `sysctl` and `sw_vers` on macOS; reads files elsewhere.
    pub fn this() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (name, cpu) = if cfg!(target_os = "macos") {
            let version = told_by("sw_vers", &["-productVersion"]);
            (
                version.map(|version| format!("macOS {version}")),
                told_by("sysctl", &["-n", "machdep.cpu.brand_string"]),
            )
        } else {
            (read("/etc/os-release", release), read("/proc/cpuinfo", processor))
        };
        Self { cores, cpu, system: format!("{} ({ARCH})", name.as_deref().unwrap_or(OS)) }
    }
}

fn read(path: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    value(&fs::read_to_string(path).ok()?)
}

fn told_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The system's name in the text of `/etc/os-release`.
fn release(text: &str) -> Option<String> {
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

/// The processor's name in the text of `/proc/cpuinfo`; not every architecture tells it.
fn processor(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_linux_keeps_them() {
        assert_eq!(release("NAME=x\nPRETTY_NAME=\"Debian 12\"\n").as_deref(), Some("Debian 12"));
        assert_eq!(
            processor("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\n").as_deref(),
            Some("A CPU @ 2 GHz")
        );
        assert_eq!((release(""), processor("")), (None, None));
    }
}
