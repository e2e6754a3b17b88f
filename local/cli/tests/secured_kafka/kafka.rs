//! A real Kafka that lets nobody in who cannot prove who they are, but for one port of the tests'
//! own. It ends with the process, however that ends.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The user that Kafka knows, and the one that MSK would.
pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "enchantress";

/// A user that Kafka knows, with the same password, and does not let read the topic `payments`.
pub(crate) const OTHER_USER: &str = "eve";

/// A running Kafka.
pub(crate) struct Kafka {
    /// Where anybody is let in.
    pub(crate) open: String,
    /// Where SASL is asked for.
    pub(crate) sasl: String,
    /// Where a certificate is asked for.
    pub(crate) mutual: String,
    folder: PathBuf,
    /// Ends Kafka when its standard input does.
    _undertaker: Child,
}

impl Kafka {
    pub(crate) fn start() -> Self {
        for (tool, package) in [
            ("java", "default-jdk-headless"),
            ("javac", "default-jdk-headless"),
            ("mvn", "maven"),
            ("openssl", "openssl"),
        ] {
            let found = Command::new("sh").args(["-c", "command -v \"$0\"", tool]).output();
            let found = found.is_ok_and(|output| output.status.success());
            assert!(found, "`{tool}` is needed; Debian has it in {package}");
        }
        let folder = TempDir::with_prefix("millrace-secured-").expect("a folder").keep();
        run(Command::new(here("certificates")).arg(&folder));
        // All are held until all are chosen, so that they differ.
        let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let [open, sasl, mutual, zookeeper] =
            held.map(|held| held.local_addr().expect("an address").port());
        let properties = properties(&folder, [open, sasl, mutual]);
        fs::write(folder.join("properties"), properties).expect("a file");
        let variables = [
            ("KAFKA_PORT", open.to_string()),
            ("ZOOKEEPER_PORT", zookeeper.to_string()),
            ("KAFKA_DATA", folder.join("data").display().to_string()),
            ("KAFKA_TOPICS", String::new()),
            ("KAFKA_PROPERTIES", folder.join("properties").display().to_string()),
            ("KAFKA_CLASSES", folder.display().to_string()),
        ];
        let undertaker = Command::new("sh")
            .args(["-c", "cat >/dev/null; \"$0/down\" -v; rm -rf \"$1\""])
            .arg(scripts())
            .arg(&folder)
            .envs(variables.clone())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests.
            .process_group(0)
            .spawn();
        // The first start fetches the jars, which the class is compiled with.
        let jars = scripts().join("target/lib");
        if !jars.exists() {
            run(Command::new(scripts().join("kafka")).arg("topics").arg("--version"));
        }
        let class_path = format!("{}/*", jars.display());
        run(Command::new("javac")
            .args(["-cp", &class_path, "-d"])
            .arg(&folder)
            .arg(here("IamTokens.java")));
        run(Command::new(scripts().join("up")).envs(variables.clone()));
        for (mechanism, user) in
            [("SCRAM-SHA-256", USER), ("SCRAM-SHA-512", USER), ("SCRAM-SHA-256", OTHER_USER)]
        {
            let add = format!("{mechanism}=[password={PASSWORD}]");
            let alter = ["--alter", "--add-config", &add, "--entity-type", "users"];
            let mut configs = Command::new(scripts().join("kafka"));
            configs.arg("configs").args(alter).args(["--entity-name", user]);
            run(configs.envs(variables.clone()));
        }
        let address = |port: u16| format!("localhost:{port}");
        let kafka = Self {
            open: address(open),
            sasl: address(sasl),
            mutual: address(mutual),
            folder,
            _undertaker: undertaker.expect("a shell"),
        };
        // What nothing is said of anybody may do; who reads this topic is said from here on.
        kafka.acls(&["--add", "--allow-principal", "User:*"]);
        kafka.acls(&["--add", "--deny-principal", &format!("User:{OTHER_USER}")]);
        kafka
    }

    /// From here on [`OTHER_USER`] may read.
    pub(crate) fn let_other_user_read(&self) {
        let principal = format!("User:{OTHER_USER}");
        self.acls(&["--remove", "--force", "--deny-principal", &principal]);
    }

    fn acls(&self, change: &[&str]) {
        let mut acls = Command::new(scripts().join("kafka"));
        acls.arg("acls").args(change).args(["--operation", "Read", "--topic", "payments"]);
        run(acls.env("KAFKA_BOOTSTRAP_SERVERS", &self.open));
    }

    /// A file in PEM that `certificates` made.
    pub(crate) fn pem(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).expect("certificates made it")
    }
}

fn properties(folder: &Path, [open, sasl, mutual]: [u16; 3]) -> String {
    let folder = folder.display();
    let common = "org.apache.kafka.common.security";
    let listener =
        |ports: &str| format!("PLAINTEXT{ports}:{open},SASL_SSL{ports}:{sasl},SSL{ports}:{mutual}");
    format!(
        "\
listeners={}
advertised.listeners={}
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.ssl.ssl.client.auth=required
authorizer.class.name=kafka.security.authorizer.AclAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl_ssl.plain.sasl.jaas.config={common}.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={common}.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={common}.scram.ScramLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config={common}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";
listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class=IamTokens
",
        listener("://127.0.0.1"),
        listener("://localhost"),
    )
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/secured_kafka").join(name)
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/jvm")
}

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {said}");
    output
}
