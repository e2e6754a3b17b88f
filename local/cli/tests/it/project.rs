//! A project in a folder of its own, and the binary called in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use millrace::Sources;

/// A template with one function, which is a cargo package.
pub(crate) const HELLO: &str = "\
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: rust-cargolambda
    Properties:
      CodeUri: hello
      Handler: bootstrap
      Runtime: provided.al2023
      Events:
        Get:
          Type: HttpApi
          Properties:
            Method: GET
            Path: /hello
";

pub(crate) const FREE_PORTS: [&str; 8] =
    ["--gateway-port", "0", "--lambda-port", "0", "--kafka-port", "0", "--table-port", "0"];

/// A project that `millrace` is called in.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new(template: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("template.yaml"), template).expect("the template is written");
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds the package `hello` with this source.
    pub(crate) fn with_package(self, source: &str) -> Self {
        let package = self.folder.path().join("hello");
        fs::create_dir_all(package.join("src")).expect("the folder is made");
        let manifest = "[package]\nname = \"hello\"\nedition = \"2024\"\n[workspace]\n";
        fs::write(package.join("Cargo.toml"), manifest).expect("the manifest is written");
        fs::write(package.join("src/main.rs"), source).expect("the source is written");
        self
    }

    /// A cargo that builds in the project, wherever the tests themselves are built: other projects
    /// with a package of this name would take its place there.
    pub(crate) fn sources(&self) -> Sources {
        let cargo = self.folder.path().join("cargo");
        let script =
            concat!("#!/bin/sh\nunset CARGO_TARGET_DIR\nexec ", env!("CARGO"), " \"$@\"\n");
        fs::write(&cargo, script).expect("the script is written");
        fs::set_permissions(&cargo, Permissions::from_mode(0o755)).expect("it may be run");
        Sources { cargo, release: false, artifacts: None }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env("CARGO", env!("CARGO"))
            .env("CARGO_TARGET_DIR", self.folder.path().join("target"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    pub(crate) fn up(&self, arguments: &[&str]) -> Output {
        self.run(&[&["up"], &FREE_PORTS[..], arguments].concat())
    }
}

#[track_caller]
pub(crate) fn fails(output: &Output, code: i32, lines: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    for line in lines {
        assert!(stderr.contains(line), "`{line}` is not in:\n{stderr}");
    }
}
