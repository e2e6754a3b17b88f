//! What cargo says, read from text; and which program a function is.

use std::fs;

use serde_json::json;

use super::*;

const METADATA: &str = r#"{"workspace_root":"/w","packages":[
  {"name":"one","manifest_path":"/w/one/Cargo.toml","default_run":null,
   "targets":[{"name":"one","kind":["lib"]},{"name":"single","kind":["bin"]},{"name":"build-script-build","kind":["custom-build"]}]},
  {"name":"two","manifest_path":"/w/two/Cargo.toml","default_run":null,
   "targets":[{"name":"two","kind":["bin"]},{"name":"tool","kind":["bin"]}]},
  {"name":"three","manifest_path":"/w/three/Cargo.toml","default_run":"b",
   "targets":[{"name":"a","kind":["bin"]},{"name":"b","kind":["bin"]}]},
  {"name":"none","manifest_path":"/w/none/Cargo.toml","default_run":null,
   "targets":[{"name":"none","kind":["lib"]}]}]}"#;

fn workspace() -> Workspace {
    Workspace::parse(METADATA.as_bytes()).unwrap()
}

#[track_caller]
fn chooses(directory: &str, binary: Option<&str>, expected: Result<&str, &str>) {
    let mut workspace = workspace();
    let outcome = workspace.select("F", Path::new(directory), binary);
    let chosen = workspace.selected().map(|wanted| wanted.binary.as_str()).next();
    match (outcome, expected) {
        (Ok(()), Ok(name)) => assert_eq!(chosen, Some(name)),
        (Err(BuildError::WhichBinary { found, .. }), Err(names)) => assert_eq!(found, names),
        (outcome, _) => panic!("{outcome:?}"),
    }
}

#[test]
fn a_function_is_the_binary_named_else_the_only_one_else_the_default() {
    chooses("/w/one", None, Ok("single"));
    chooses("/w/two", None, Ok("two"));
    chooses("/w/two", Some("tool"), Ok("tool"));
    chooses("/w/three", None, Ok("b"));
    chooses("/w/three", Some("c"), Err("a, b"));
    chooses("/w/none", None, Err("none"));
}

#[test]
fn the_root_of_a_workspace_offers_the_binaries_of_its_members() {
    chooses("/w", Some("tool"), Ok("tool"));
    chooses("/w", None, Ok("two"));
}

#[test]
fn a_workspace_covers_its_root_and_its_packages() {
    assert!(workspace().covers(Path::new("/w")));
    assert!(workspace().covers(Path::new("/w/two")));
    assert!(!workspace().covers(Path::new("/w/two/src")));
    assert!(!workspace().covers(Path::new("/elsewhere")));
}

#[test]
fn executables_are_those_of_artifacts_and_found_by_package_and_name() {
    let artifact = |manifest: &str, name: &str, executable: Option<&str>| {
        json!({"reason": "compiler-artifact", "package_id": "x", "manifest_path": manifest,
               "target": {"name": name, "kind": ["bin"]}, "executable": executable, "fresh": true})
    };
    let output = [
        json!({"reason": "build-script-executed", "package_id": "x"}),
        artifact("/w/two/Cargo.toml", "serde", None),
        artifact("/other/Cargo.toml", "tool", Some("/t/other-tool")),
        artifact("/w/two/Cargo.toml", "tool", Some("/t/tool")),
        json!({"reason": "build-finished", "success": true}),
    ]
    .map(|message| message.to_string())
    .join("\n");
    let built = messages::executables(output.as_bytes());
    assert_eq!(built.len(), 2);
    let mut workspace = workspace();
    workspace.select("F", Path::new("/w/two"), Some("tool")).unwrap();
    let wanted = workspace.selected().next().unwrap();
    assert_eq!(wanted.find(&built), Some(PathBuf::from("/t/tool")));
}

#[test]
fn progress_is_told_from_text() {
    let check = |line: &str, expected: Progress| assert_eq!(Progress::parse(line), expected);
    check(
        "    Building [====>      ] 12/345: bytes, http(build)",
        Progress::Of { done: 12, of: 345 },
    );
    check(
        "\u{1b}[1m\u{1b}[96m    Building\u{1b}[0m [=> ] 1/2: a\u{1b}[K",
        Progress::Of { done: 1, of: 2 },
    );
    check("    Building", Progress::Step);
    check("   Compiling bytes v1.11.0", Progress::Step);
    check("\u{1b}[1m\u{1b}[92m   Compiling\u{1b}[0m bytes v1.11.0", Progress::Step);
    check("error[E0425]: cannot find value `x` in this scope", Progress::Text);
    check("  --> src/main.rs:1:1", Progress::Text);
}

#[test]
fn lines_end_at_returns_too_and_may_come_in_pieces() {
    let mut lines = Lines::default();
    assert_eq!(lines.push(b"Building [> ] 1/2: a\rBuil"), ["Building [> ] 1/2: a"]);
    assert_eq!(lines.push(b"ding [=>] 2/2: b\r\x1b[K\nerror"), ["Building [=>] 2/2: b"]);
    assert_eq!(lines.push(b""), ["error"]);
}

#[test]
fn a_missing_tool_is_told_from_a_mistake_in_the_code() {
    let check = |text: &str, expected| assert_eq!(messages::missing_tool(text), expected);
    check("error: linker `cc` not found\n  |\n  = note: No such file", Some("cc"));
    check("error occurred in cc-rs: failed to find tool \"cc\": No such file", Some("cc"));
    check("mklove/modules/configure.base: line 1824: c++: command not found", Some("c++"));
    check("error occurred in cc-rs: failed to find tool \"c++\": No such file", Some("c++"));
    check(
        "Running command: \"make libs\" in dir: /t\nthread 'main' panicked\n\
         Command failed with error: No such file or directory (os error 2)",
        Some("make"),
    );
    check("error[E0425]: cannot find value `make` in this scope", None);
    check("error: couldn't read `src/x.rs`: No such file or directory (os error 2)", None);
}

#[tokio::test]
async fn without_cargo_the_message_names_it() {
    let functions = [function(Code::Cargo { directory: PathBuf::from("/w/one"), binary: None })];
    let sources =
        Sources { cargo: PathBuf::from("/nowhere/cargo"), release: false, artifacts: None };
    let error = programs(&functions, &sources, &Notices::unheard()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`/nowhere/cargo` is needed to build the functions and is not installed"
    );
}

#[tokio::test]
async fn artifacts_are_taken_by_logical_id_and_nothing_is_built() {
    let artifacts = tempfile::tempdir().unwrap();
    fs::create_dir(artifacts.path().join("F")).unwrap();
    let bootstrap = artifacts.path().join("F/bootstrap");
    fs::write(&bootstrap, "").unwrap();
    let functions = [function(Code::Cargo { directory: PathBuf::from("/w/one"), binary: None })];
    let sources = Sources {
        cargo: PathBuf::from("/nowhere/cargo"),
        release: false,
        artifacts: Some(artifacts.path().to_owned()),
    };
    let programs = programs(&functions, &sources, &Notices::unheard()).await.unwrap();
    assert_eq!(programs["F"].executable, bootstrap);
}

fn function(code: Code) -> Function {
    Function {
        logical_id: "F".to_owned(),
        name: "f".to_owned(),
        code,
        handler: "bootstrap".to_owned(),
        timeout: std::time::Duration::from_secs(3),
        memory_mb: 128,
        environment: BTreeMap::new(),
        reserved_concurrency: None,
        environment_concurrency: 1,
        environments_max: None,
        logging: template::Logging::default(),
        events: template::EventInvoke::default(),
        alias: None,
    }
}
