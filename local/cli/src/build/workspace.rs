//! What `cargo metadata` says about a workspace, and which of its binaries our functions are.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::BuildError;
use super::messages::Executable;

/// A cargo workspace and what is wanted of it.
#[derive(Debug)]
pub(super) struct Workspace {
    root: PathBuf,
    packages: Vec<Package>,
    selected: Vec<Wanted>,
}

/// A package with its binaries.
#[derive(Debug)]
pub(super) struct Package {
    manifest: PathBuf,
    name: String,
    default_run: Option<String>,
    binaries: Vec<String>,
}

/// A binary that a function is.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The function's logical id.
    pub(super) function: String,
    /// Its `CodeUri`.
    pub(super) directory: PathBuf,
    pub(super) binary: String,
    manifest: PathBuf,
}

impl Wanted {
    /// Its executable among those that cargo made.
    pub(super) fn find(&self, built: &[Executable]) -> Option<PathBuf> {
        let found =
            built.iter().find(|made| made.binary == self.binary && made.manifest == self.manifest);
        found.map(|made| made.path.clone())
    }
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    default_run: Option<String>,
    targets: Vec<MetadataTarget>,
}

#[derive(Deserialize)]
struct MetadataTarget {
    name: String,
    kind: Vec<String>,
}

impl Workspace {
    /// Reads the output of `cargo metadata --no-deps --format-version 1`.
    pub(super) fn parse(metadata: &[u8]) -> Result<Self, serde_json::Error> {
        let metadata: Metadata = serde_json::from_slice(metadata)?;
        let packages = metadata.packages.into_iter().map(|package| {
            let binaries =
                package.targets.into_iter().filter(|target| target.kind.iter().any(|k| k == "bin"));
            Package {
                manifest: package.manifest_path,
                name: package.name,
                default_run: package.default_run,
                binaries: binaries.map(|target| target.name).collect(),
            }
        });
        Ok(Self {
            root: metadata.workspace_root,
            packages: packages.collect(),
            selected: Vec::new(),
        })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn selected(&self) -> impl Iterator<Item = &Wanted> {
        self.selected.iter()
    }

    /// Whether `directory` is the root of this workspace or the folder of a package in it.
    pub(super) fn covers(&self, directory: &Path) -> bool {
        let directory = resolved(directory);
        resolved(&self.root) == directory
            || self.packages.iter().any(|package| package.is_in(&directory))
    }

    /// Adds the binary of a function: the one named, else the only one, else the one that
    /// `cargo run` would start. Where the folder is the root of a workspace, its members count.
    pub(super) fn select(
        &mut self,
        function: &str,
        directory: &Path,
        binary: Option<&str>,
    ) -> Result<(), BuildError> {
        let folder = resolved(directory);
        let inside = self.packages.iter().filter(|package| package.is_in(&folder));
        let mut candidates: Vec<&Package> = inside.collect();
        if candidates.is_empty() {
            candidates = self.packages.iter().collect();
        }
        let offered: Vec<(&Package, &str)> = candidates
            .iter()
            .flat_map(|package| package.binaries.iter().map(move |name| (*package, name.as_str())))
            .collect();
        let chosen = match (binary, offered.as_slice()) {
            (Some(binary), offered) => offered.iter().find(|(_, name)| *name == binary),
            (None, [only]) => Some(only),
            (None, offered) => offered.iter().find(|(package, name)| package.is_default(name)),
        };
        let Some((package, name)) = chosen else {
            let names: Vec<_> = offered.iter().map(|(_, name)| *name).collect();
            let found = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(BuildError::WhichBinary {
                function: function.to_owned(),
                directory: directory.to_owned(),
                found,
            });
        };
        let wanted = Wanted {
            function: function.to_owned(),
            directory: directory.to_owned(),
            binary: (*name).to_owned(),
            manifest: package.manifest.clone(),
        };
        self.selected.push(wanted);
        Ok(())
    }
}

impl Package {
    fn is_in(&self, resolved_directory: &Path) -> bool {
        self.manifest.parent().is_some_and(|parent| resolved(parent) == resolved_directory)
    }

    fn is_default(&self, binary: &str) -> bool {
        self.default_run.as_deref().unwrap_or(&self.name) == binary
    }
}

/// The same folder compares equal, by whichever links it was reached.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
