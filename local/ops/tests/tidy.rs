//! The repository's own rules, each a test: who may depend on whom, how files look, and that the
//! template, the functions and the README agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Lines a source file may have, its tests not counted.
const FILE_LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root exists")
}

/// A package of the workspace.
#[derive(Debug)]
struct Package {
    /// Its folder from the root: `crates/event`.
    folder: String,
    manifest: String,
    /// What it depends on outside its tests: the name, and the folder where it is one of ours.
    dependencies: BTreeMap<String, Option<String>>,
}

/// What `cargo metadata` says of the workspace.
fn workspace() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

fn packages() -> Vec<Package> {
    let (root, workspace) = (root(), workspace());
    let packages = workspace["packages"].as_array().expect("a list of packages");
    packages.iter().map(|package| read_package(&root, package)).collect()
}

/// The names of the functions, in order.
fn functions() -> Vec<String> {
    let packages = packages();
    let names = packages.iter().filter_map(|package| package.folder.strip_prefix("functions/"));
    names.map(str::to_owned).collect()
}

/// Each route of `template.yaml`: path, method, function.
fn routes(template: &str) -> BTreeSet<[String; 3]> {
    let (mut function, mut method, mut routes) = ("", "", BTreeSet::new());
    for line in template.lines() {
        match line.trim().split_once(": ") {
            Some(("FunctionName", name)) => function = name,
            Some(("Method", name)) => method = name,
            Some(("Path", path)) => {
                routes.insert([path, method, function].map(str::to_owned));
            }
            _ => {}
        }
    }
    routes
}

fn read_package(root: &Path, package: &Value) -> Package {
    let inside = |path: &str| {
        let relative = Path::new(path).strip_prefix(root).expect("a member lies below the root");
        relative.to_str().expect("folders are UTF-8").to_owned()
    };
    let manifest_path = package["manifest_path"].as_str().expect("a manifest");
    let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
    Package {
        folder: inside(manifest_path.strip_suffix("/Cargo.toml").expect("a manifest's name")),
        manifest: fs::read_to_string(manifest_path).expect("the manifest is readable"),
        dependencies: dependencies
            .iter()
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
            .map(|dependency| {
                let name = dependency["name"].as_str().expect("a name").to_owned();
                (name, dependency["path"].as_str().map(inside))
            })
            .collect(),
    }
}

/// Every Rust file of ours, with its path from the root.
fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for top in ["crates", "functions", "local", "bench"] {
        collect(&root().join(top), &mut files);
    }
    assert!(files.len() > 50, "only {} source files found", files.len());
    files
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).expect("below the root").display().to_string();
            files.push((name, fs::read_to_string(&path).expect("the file is readable")));
        }
    }
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("/tests.rs")
}

#[test]
fn every_package_inherits_the_lints_and_takes_its_dependencies_from_the_workspace() {
    for Package { folder, manifest, .. } in packages() {
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder} has lints of its own");
        assert!(!manifest.contains("description = \"\""), "{folder} does not say what it is");
        let versioned = manifest
            .lines()
            .skip_while(|line| !line.contains("dependencies]"))
            .find(|line| line.contains("version =") || line.contains("git ="));
        assert_eq!(versioned, None, "{folder} names a version outside the workspace table");
        // They would compile the library once more for `cargo test`.
        let tests = manifest.lines().skip_while(|line| *line != "[dev-dependencies]");
        let mut tests = tests.skip(1).take_while(|line| !line.starts_with('['));
        let featured = tests.find(|line| line.contains("features"));
        assert_eq!(featured, None, "{folder} asks for features in its tests alone");
    }
}

#[test]
fn what_an_event_is_needs_neither_io_nor_async() {
    let packages = packages();
    let event = packages.iter().find(|package| package.folder == "crates/event").expect("event");
    for forbidden in ["tokio", "futures-util", "rdkafka", "hyper", "aws-sdk-dynamodb", "tracing"] {
        assert!(!event.dependencies.contains_key(forbidden), "crates/event uses {forbidden}");
    }
}

#[test]
fn functions_depend_on_shared_crates_only() {
    for package in packages().iter().filter(|package| package.folder.starts_with("functions/")) {
        for path in package.dependencies.values().flatten() {
            assert!(path.starts_with("crates/"), "{} depends on {path}", package.folder);
        }
    }
}

#[test]
fn shared_crates_do_not_know_the_local_cloud() {
    for package in packages().iter().filter(|package| package.folder.starts_with("crates/")) {
        for path in package.dependencies.values().flatten() {
            assert!(path.starts_with("crates/"), "{} depends on {path}", package.folder);
        }
    }
}

#[test]
fn the_local_cloud_does_not_know_our_functions() {
    let local = packages();
    let local = local.iter().filter(|package| package.folder.starts_with("local/"));
    for package in local.filter(|package| package.folder != "local/ops") {
        for path in package.dependencies.values().flatten() {
            assert!(path.starts_with("local/"), "{} depends on {path}", package.folder);
        }
    }
}

#[test]
fn the_parts_of_the_local_cloud_do_not_know_each_other() {
    let parts = ["broker", "gateway", "host", "load", "poller", "table", "template"];
    for package in packages() {
        let Some(name) = package.folder.strip_prefix("local/") else { continue };
        if !parts.contains(&name) {
            continue;
        }
        for path in package.dependencies.values().flatten() {
            let shared = ["local/invoke", "local/filter"].contains(&path.as_str());
            assert!(shared, "local/{name} depends on {path}");
        }
    }
}

#[test]
fn every_file_opens_with_its_job() {
    for (file, text) in sources() {
        let opens = text.starts_with("//!") || text.starts_with("#![doc = include_str!");
        assert!(opens, "{file} does not open with `//!`");
    }
}

#[test]
fn no_file_outgrows_its_limit() {
    for (file, text) in sources().into_iter().filter(|(file, _)| !is_test(file)) {
        let lines = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count();
        assert!(lines <= FILE_LINES_MAX, "{file} has {lines} lines, {FILE_LINES_MAX} at most");
    }
}

#[test]
fn no_module_is_called_mod_and_no_test_is_ignored() {
    let ignored = concat!("#[", "ignore");
    for (file, text) in sources() {
        assert!(!file.ends_with("/mod.rs"), "{file}");
        assert!(!text.contains(ignored), "{file} ignores a test");
    }
}

#[test]
fn every_function_folder_is_a_resource_and_a_binary_of_the_template() {
    let template = fs::read_to_string(root().join("template.yaml")).expect("the template exists");
    for name in functions() {
        for line in [
            format!("FunctionName: {name}"),
            format!("Binary: {name}"),
            format!("CodeUri: functions/{name}"),
        ] {
            assert!(template.contains(&line), "template.yaml lacks `{line}`");
        }
    }
}

#[test]
fn cargo_lambda_builds_and_routes_what_the_template_has() {
    let lambda = &workspace()["metadata"]["lambda"];
    assert_eq!(lambda["build"]["packages"], Value::from(functions()));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let watched: BTreeSet<[String; 3]> = lambda["watch"]["router"]
        .as_object()
        .expect("a table of paths")
        .iter()
        .flat_map(|(path, targets)| {
            let targets = targets.as_array().expect("a list of targets").iter();
            targets.map(|to| [path.clone(), text(&to["method"]), text(&to["function"])])
        })
        .collect();
    let template = fs::read_to_string(root().join("template.yaml")).expect("the template exists");
    assert_eq!(watched, routes(&template), "routes of cargo lambda watch, and of the template");
}

#[test]
fn the_readme_maps_every_folder_and_gives_the_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README exists");
    for package in packages() {
        let name = package.folder.rsplit('/').next().expect("a folder has a name");
        assert!(readme.contains(&format!("{name}/")), "the code map lacks {}", package.folder);
    }
    for command in ["cargo local up", "cargo test"] {
        assert!(readme.lines().any(|line| line == command), "the README lacks `{command}`");
    }
}
