//! Which files the programs of functions are made from, and how they look now. It reads the disk and
//! decides nothing.
//!
//! Only what a program is made from is looked at: cargo says what that was, for each program it
//! makes. So nothing that a running program writes is taken for a change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use template::{Code, Function};

use crate::build::Program;

/// Folders of sources may be nested this deep, links in a circle included.
const DEPTH_MAX: usize = 16;

/// The files and folders behind the programs of functions.
#[derive(Debug, Default)]
pub(super) struct Watched {
    files: BTreeSet<PathBuf>,
    /// Folders in which Rust sources may appear.
    sources: BTreeSet<PathBuf>,
}

/// When a file was written last, and how long it is; `None` where it is not there.
pub(super) type Stamp = Option<(SystemTime, u64)>;

/// How everything that is watched looks.
pub(super) type Look = BTreeMap<PathBuf, Stamp>;

impl Watched {
    /// What is behind `programs`, which are there for each of `functions`.
    pub(super) fn of(functions: &[Function], programs: &BTreeMap<String, Program>) -> Self {
        let mut watched = Self::default();
        for function in functions {
            let Some(program) = programs.get(&function.logical_id) else { continue };
            watched.files.insert(program.executable.clone());
            if let Code::Cargo { directory, .. } = &function.code {
                watched.add_package(directory);
                let folder = program.executable.ancestors().nth(2);
                for source in made_from(&program.executable) {
                    // What build scripts write is no source.
                    if folder.is_none_or(|target| !source.starts_with(target)) {
                        watched.add_source(source);
                    }
                }
            }
        }
        watched
    }

    /// A source, and the package that it belongs to.
    fn add_source(&mut self, source: PathBuf) {
        let package = source.ancestors().skip(1).find(|folder| folder.join("Cargo.toml").is_file());
        let package = package.map(Path::to_owned);
        if let Some(package) =
            package.filter(|package| !self.sources.contains(&package.join("src")))
        {
            self.add_package(&package);
        }
        self.files.insert(source);
    }

    /// The manifests of a package and of the workspace around it, and its sources to come.
    fn add_package(&mut self, package: &Path) {
        for folder in package.ancestors() {
            let manifest = folder.join("Cargo.toml");
            if manifest.is_file() {
                self.files.insert(manifest);
                self.files.insert(folder.join("Cargo.lock"));
            }
        }
        self.files.insert(package.join("build.rs"));
        self.sources.insert(package.join("src"));
    }

    /// Looks at everything.
    pub(super) fn look(&self) -> Look {
        let mut look = Look::new();
        for folder in &self.sources {
            add_rust_files(folder, &mut look, DEPTH_MAX);
        }
        for file in &self.files {
            look.entry(file.clone()).or_insert_with(|| stamp(file));
        }
        look
    }
}

/// When a file was written last, and how long it is.
pub(super) fn stamp(file: &Path) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn add_rust_files(folder: &Path, look: &mut Look, depth: usize) {
    // A folder that is gone has no files.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        if kind.is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                add_rust_files(&path, look, depth - 1);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let stamp = stamp(&path);
            look.insert(path, stamp);
        }
    }
}

/// The files that cargo made a program from, with those of the packages it depends on by path.
///
/// Source: <https://doc.rust-lang.org/cargo/reference/build-cache.html#dep-info-files>
fn made_from(executable: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(executable.with_extension("d")).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(_, list)| paths(list))
        .collect()
}

/// Paths with blanks between them; a blank within one has a backslash before it.
fn paths(list: &str) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut path = String::new();
    let mut characters = list.trim().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&' ') => path.extend(characters.next()),
            ' ' => paths.push(PathBuf::from(std::mem::take(&mut path))),
            other => path.push(other),
        }
    }
    paths.push(PathBuf::from(path));
    paths.retain(|path| !path.as_os_str().is_empty());
    paths
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use template::{EventInvoke, Logging};

    use super::*;

    fn write(root: &Path, file: &str, text: &str) -> PathBuf {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn function(code: Code) -> Function {
        Function {
            logical_id: "F".to_owned(),
            name: "F".to_owned(),
            code,
            handler: "bootstrap".to_owned(),
            timeout: Duration::from_secs(3),
            memory_mb: 128,
            environment: BTreeMap::new(),
            reserved_concurrency: None,
            environment_concurrency: 1,
            environments_max: None,
            logging: Logging::default(),
            events: EventInvoke::default(),
            alias: None,
        }
    }

    fn watched(code: Code, executable: &Path) -> Watched {
        let directory = executable.parent().unwrap().to_owned();
        let program = Program { executable: executable.to_owned(), directory };
        Watched::of(&[function(code)], &BTreeMap::from([("F".to_owned(), program)]))
    }

    #[test]
    fn a_program_changes_with_everything_that_it_is_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let main = write(root, "f/src/main.rs", "");
        let lib = write(root, "lib with blank/src/lib.rs", "");
        let text = write(root, "lib with blank/words.txt", "");
        write(root, "f/Cargo.toml", "");
        write(root, "lib with blank/Cargo.toml", "");
        let made = write(root, "target/debug/build/made.rs", "");
        let program = write(root, "target/debug/f", "");
        let escaped = |path: &Path| path.display().to_string().replace(' ', "\\ ");
        let sources: Vec<_> = [&main, &lib, &text, &made].map(|path| escaped(path)).into();
        let line = format!("{}: {}\n", escaped(&program), sources.join(" "));
        write(root, "target/debug/f.d", &line);
        let code = Code::Cargo { directory: root.join("f"), binary: None };
        let watched = watched(code, &program);

        let before = watched.look();
        for (file, counts) in [
            ("f/src/main.rs", true),
            ("f/src/new/module.rs", true),
            ("f/Cargo.toml", true),
            ("f/build.rs", true),
            ("lib with blank/src/other.rs", true),
            ("lib with blank/words.txt", true),
            ("target/debug/f", true),
            ("f/output.txt", false),
            ("f/src/data.json", false),
            (".millrace/logs/f.log", false),
            ("target/debug/build/made.rs", false),
        ] {
            let path = root.join(file);
            let old = fs::read_to_string(&path).ok();
            write(root, file, "changed");
            assert_eq!(watched.look() != before, counts, "{file}");
            match old {
                Some(text) => drop(write(root, file, &text)),
                None => fs::remove_file(&path).unwrap(),
            }
            let modified = before.get(&path).copied().flatten();
            if let Some((modified, _)) = modified {
                fs::File::options()
                    .write(true)
                    .open(&path)
                    .unwrap()
                    .set_modified(modified)
                    .unwrap();
            }
            assert_eq!(watched.look(), before, "{file}");
        }
    }

    #[test]
    fn a_program_that_somebody_else_makes_changes_by_itself_only() {
        let folder = tempfile::tempdir().unwrap();
        let program = write(folder.path(), "code/bootstrap", "");
        let code = Code::Prebuilt { path: folder.path().join("code") };
        let watched = watched(code, &program);
        let before = watched.look();
        write(folder.path(), "code/other", "");
        assert_eq!(watched.look(), before);
        write(folder.path(), "code/bootstrap", "new");
        assert_ne!(watched.look(), before);
    }
}
