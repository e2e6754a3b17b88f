//! How a program is run: as it is, but for scripts that take `/bin/sh` for what it is on Lambda.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// How scripts begin that leave the shell to the system.
const SH: &[u8] = b"#!/bin/sh\n";

/// The command that runs `program`. On Amazon Linux `/bin/sh` is bash, elsewhere it may be a shell that
/// does not know half of AWS's own examples: there such a script is given to bash, if there is one.
pub(super) fn command(program: &Path) -> Command {
    match bash().filter(|_| is_for_sh(program)) {
        Some(bash) => {
            let mut command = Command::new(bash);
            // Under this name it behaves as `sh`.
            command.arg0("sh").arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// What may not be executed is left to the system to refuse.
fn is_for_sh(program: &Path) -> bool {
    let is_executable = |file: fs::Metadata| file.permissions().mode() & 0o111 != 0;
    let mut start = [0; SH.len()];
    let read = File::open(program).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == SH && fs::metadata(program).is_ok_and(is_executable)
}

fn bash() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("bash")).find(|bash| bash.is_file())
}
