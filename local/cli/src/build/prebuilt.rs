//! Programs that are built already: where they are, and whether this machine can run them. Reads
//! the head of a file and nothing more.

use std::env::consts;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::{BuildError, Program};

/// Of an ELF file: what tells that it is one, and the two bytes of `e_machine`.
///
/// Source: <https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html>
const HEAD_BYTES: usize = 20;

/// What a Linux program is built for, as far as its head tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    /// Lambda's `x86_64`.
    X86,
    /// Lambda's `arm64`.
    Arm,
    /// One that Lambda does not have.
    Other,
}

impl Machine {
    /// Reads the head of a file; `None` where it is no ELF file: a script, or another system's program.
    fn of(head: &[u8]) -> Option<Self> {
        let head: &[u8; HEAD_BYTES] = head.first_chunk()?;
        if !head.starts_with(b"\x7fELF") {
            return None;
        }
        let machine = [head[18], head[19]];
        let big_endian = head[5] == 2;
        let machine =
            if big_endian { u16::from_be_bytes(machine) } else { u16::from_le_bytes(machine) };
        Some(match machine {
            62 => Self::X86,
            183 => Self::Arm,
            _ => Self::Other,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::X86 => "Linux on x86_64",
            Self::Arm => "Linux on arm64",
            Self::Other => "a processor that Lambda does not have",
        }
    }

    /// Whether a machine runs this, by the names that Rust has for systems and processors.
    fn runs_on(self, system: &str, processor: &str) -> bool {
        let wanted = match self {
            Self::X86 => "x86_64",
            Self::Arm => "aarch64",
            Self::Other => return false,
        };
        system == "linux" && processor == wanted
    }
}

/// The program at `path`: an executable, or a folder with a `bootstrap`.
pub(super) fn program(function: &str, path: &Path) -> Result<Program, BuildError> {
    // Absolute: the program is started in another folder than this process's.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let executable = if path.is_file() { path.clone() } else { path.join("bootstrap") };
    if !executable.is_file() {
        return Err(BuildError::Missing { function: function.to_owned(), path: executable });
    }
    // A file that cannot be read may still run; starting it tells.
    if let Ok(Some(machine)) = head(&executable).map(|head| Machine::of(&head))
        && !machine.runs_on(consts::OS, consts::ARCH)
    {
        return Err(BuildError::Foreign {
            function: function.to_owned(),
            path: executable,
            machine: machine.name(),
        });
    }
    let directory = executable.parent().unwrap_or(&path).to_owned();
    Ok(Program { executable, directory })
}

/// The first bytes of a file.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The head of a 64-bit little-endian ELF file for this `e_machine`.
    fn elf(machine: u8) -> Vec<u8> {
        let mut head = b"\x7fELF\x02\x01\x01".to_vec();
        head.resize(HEAD_BYTES, 0);
        head[18] = machine;
        head
    }

    #[test]
    fn the_head_of_a_program_tells_what_it_is_built_for() {
        assert_eq!(Machine::of(&elf(62)), Some(Machine::X86));
        assert_eq!(Machine::of(&elf(183)), Some(Machine::Arm));
        assert_eq!(Machine::of(&elf(243)), Some(Machine::Other));
        let mut big_endian = elf(0);
        big_endian[5] = 2;
        big_endian[19] = 62;
        assert_eq!(Machine::of(&big_endian), Some(Machine::X86));
    }

    #[test]
    fn a_script_and_a_stump_tell_nothing() {
        assert_eq!(Machine::of(b"#!/bin/sh\nexec python3 app.py\n"), None);
        assert_eq!(Machine::of(&elf(62)[..HEAD_BYTES - 1]), None);
    }

    #[test]
    fn a_program_runs_on_linux_with_its_own_processor_only() {
        assert!(Machine::X86.runs_on("linux", "x86_64"));
        assert!(Machine::Arm.runs_on("linux", "aarch64"));
        assert!(!Machine::Arm.runs_on("linux", "x86_64"));
        assert!(!Machine::Arm.runs_on("macos", "aarch64"));
        assert!(!Machine::Other.runs_on("linux", "riscv64"));
    }

    #[test]
    fn the_program_of_a_folder_is_its_bootstrap() {
        let folder = tempfile::tempdir().unwrap();
        let missing = program("F", folder.path()).unwrap_err();
        assert!(missing.to_string().contains("bootstrap`, the program of function `F`"));
        let bootstrap = folder.path().join("bootstrap");
        fs::write(&bootstrap, "#!/bin/sh\n").unwrap();
        let directory = folder.path().to_owned();
        let expected = Program { executable: bootstrap.clone(), directory };
        assert_eq!(program("F", folder.path()).unwrap(), expected);
        assert_eq!(program("F", &bootstrap).unwrap(), expected);
    }

    #[test]
    fn a_program_for_another_machine_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bootstrap"), elf(243)).unwrap();
        let error = program("F", folder.path()).unwrap_err().to_string();
        let expected = "bootstrap`, the program of function `F`, is built for a processor that \
                        Lambda does not have";
        assert!(error.ends_with(expected), "{error}");
    }
}
