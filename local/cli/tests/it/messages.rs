//! What a person reads when something needed is not there, and the exit code that a script sees.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::project::{FREE_PORTS, HELLO, Project, fails};

#[test]
fn a_taken_port_is_named_with_its_use_and_the_flag_to_change_it() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("it has an address").port().to_string();
    let project = Project::new(HELLO);
    let output = project.run(&[
        "up",
        "--gateway-port",
        "0",
        "--lambda-port",
        "0",
        "--kafka-port",
        &port,
        "--table-port",
        "0",
    ]);
    let error = format!("error: port {port}, wanted for Kafka, is taken by another program\n");
    fails(&output, 69, &[&error, "hint: pass --kafka-port with another port"]);
}

#[test]
fn a_broken_template_is_told_whole_with_lines() {
    let broken = HELLO.replace("/hello", "hello").replace("Runtime: ", "Runtime: x");
    let output = Project::new(&broken).up(&[]);
    fails(&output, 64, &["error: ", "template.yaml:"]);
    assert!(String::from_utf8_lossy(&output.stderr).lines().count() >= 2, "{output:?}");
}

#[test]
fn without_a_template_the_person_is_told_where_to_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = Project::new(HELLO);
    let output = project.command(&["up"]).current_dir(folder.path()).output().expect("it runs");
    fails(
        &output,
        64,
        &["error: there is no template.yaml in ", "hint: go to the project's folder"],
    );
}

#[test]
fn without_cargo_the_person_is_told_how_to_get_it() {
    let project = Project::new(HELLO).with_package("fn main() {}\n");
    let arguments = [&["up"], &FREE_PORTS[..]].concat();
    let mut command = project.command(&arguments);
    let output = command.env("CARGO", "/nowhere/cargo").output().expect("it runs");
    fails(&output, 69, &["error: `/nowhere/cargo` is needed", "hint: install Rust"]);
}

#[test]
fn without_a_linker_the_person_is_told_how_to_get_it() {
    let project = Project::new(HELLO).with_package("fn main() {}\n");
    let arguments = [&["up"], &FREE_PORTS[..]].concat();
    let mut command = project.command(&arguments);
    let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
    command.env("RUSTC", rustc).env("PATH", project.path());
    let output = command.output().expect("it runs");
    fails(&output, 69, &["error: `cc` is needed", "hint: install a C compiler"]);
}

#[test]
fn a_function_that_does_not_build_shows_the_compilers_text_and_then_one_line() {
    let project = Project::new(HELLO).with_package("fn main() { nothing }\n");
    let output = project.up(&[]);
    fails(&output, 1, &["error[E0425]: cannot find value `nothing`", "src/main.rs:1:13"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr.lines().last(), Some("error: failed to build `Hello`"));
    assert!(!stderr.contains("Compiling"), "{stderr}");
}

/// Build scripts that read what `cargo run` sets would run again, and all that depends on them.
#[test]
fn cargo_builds_as_from_a_shell_though_cargo_started_us() {
    let project = Project::new(HELLO).with_package("fn main() {}\n");
    let spy = project.path().join("spy");
    let script = "#!/bin/sh\ncase $1 in build) env >&2; exit 1;; esac\nexec \"$SPIED\" \"$@\"\n";
    fs::write(&spy, script).expect("the script is written");
    fs::set_permissions(&spy, Permissions::from_mode(0o755)).expect("it may be run");
    let arguments = [&["up"], &FREE_PORTS[..]].concat();
    let mut command = project.command(&arguments);
    command.env("CARGO", &spy).env("SPIED", env!("CARGO")).env("CARGO_PKG_NAME", "millrace");
    let output = command.output().expect("it runs");
    fails(&output, 1, &["CARGO_TERM_COLOR=", "error: failed to build `Hello`"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("CARGO_PKG_NAME="), "{output:?}");
}

#[test]
fn an_env_vars_file_that_is_none_is_named() {
    let project = Project::new(HELLO);
    let output = project.up(&["--env-vars", "missing.json"]);
    fails(&output, 64, &["error: failed to read `missing.json`: "]);
    fs::write(project.path().join("list.json"), "[]").expect("the file is written");
    let output = project.up(&["--env-vars", "list.json"]);
    fails(&output, 64, &["error: `list.json` is not a file of variables: "]);
}

#[test]
fn artifacts_that_are_not_there_are_named() {
    let output = Project::new(HELLO).up(&["--artifacts", "built"]);
    fails(&output, 69, &["Hello/bootstrap", "hint: build it first, as `sam build` does"]);
}

#[test]
fn where_no_kafka_answers_the_person_is_told() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("it has an address").to_string();
    drop(listener);
    let output = Project::new(HELLO).up(&["--kafka", &address]);
    let error = format!("error: no Kafka answers at `{address}`");
    fails(&output, 69, &[&error, "hint: start that Kafka"]);
}

#[test]
fn a_folder_that_is_not_ours_is_not_written_to() {
    let project = Project::new(HELLO);
    let output = project.up(&["--data", "."]);
    fails(&output, 64, &["was not made by Millrace", "hint: pass --data"]);
    assert_eq!(fs::read_dir(project.path()).expect("it is there").count(), 1);
}

#[test]
fn a_failed_start_in_the_background_gives_its_text_and_its_exit_code() {
    let broken = HELLO.replace("provided.al2023", "python3.12");
    let project = Project::new(&broken);
    let output = project.up(&["--detach", "--wait"]);
    fails(&output, 64, &["template.yaml:"]);
    let log = project.path().join(".millrace/logs/millrace.log");
    assert!(fs::read_to_string(log).expect("it has a log").contains("template.yaml:"));
}

#[test]
fn where_nothing_runs_status_is_69_and_prints_nothing_on_stdout() {
    let project = Project::new(HELLO);
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["lag"],
        &["mapping", "list"],
        &["load"],
        &["env"],
    ] {
        fails(&project.run(arguments), 69, &["error: nothing runs on", "hint: start it with"]);
    }
}

#[test]
fn where_nothing_runs_down_is_content() {
    let project = Project::new(HELLO);
    let output = project.run(&["down", "-v"]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("nothing runs on "), "{output:?}");
}
