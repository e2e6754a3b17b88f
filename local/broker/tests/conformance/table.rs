//! The document: what was compared, and what differs.

use std::fmt::Write as _;

use crate::drivers::ABSENT;
use crate::problem::Problem;
use crate::requests::Compared;
use crate::script::{Call, Script};

/// A client's answers, in the script's order.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) real: Vec<String>,
    pub(crate) ours: Vec<String>,
}

impl Column {
    /// What is not as the script says.
    pub(crate) fn problems(&self, script: &Script) -> Vec<Problem> {
        let answers = self.real.iter().zip(&self.ours);
        script
            .calls()
            .zip(answers)
            .filter_map(|(call, answers)| self.judge(call, answers))
            .collect()
    }

    fn judge(&self, call: &Call, (real, ours): (&String, &String)) -> Option<Problem> {
        let note = match call.differs {
            None if real != ours => String::new(),
            Some(reason) if real == ours && real != ABSENT => {
                format!("\n-- no longer differs ({reason})")
            }
            _ => return None,
        };
        Some(Problem::new(format!("{}: {}", self.title, call.line), (real, ours), &note))
    }
}

/// The document.
pub(crate) fn render(script: &Script, columns: &[Column], compared: &Compared) -> String {
    let mut text = String::from(HEAD);
    let heads: Vec<&str> = columns.iter().map(|column| column.title).collect();
    let mut at = 0;
    for chapter in &script.chapters {
        writeln!(text, "\n### {}\n", chapter.title).expect("a String takes it");
        writeln!(text, "| call | {} |", heads.join(" | ")).expect("a String takes it");
        writeln!(text, "|---|{}", "---|".repeat(heads.len())).expect("a String takes it");
        for call in &chapter.calls {
            let cells = columns.iter().map(|column| cell(&column.real[at], &column.ours[at]));
            let cells: Vec<_> = cells.collect();
            let reason = call.differs.map(|why| format!(" ({why})")).unwrap_or_default();
            writeln!(text, "| `{}`{reason} | {} |", call.line, cells.join(" | "))
                .expect("a String takes it");
            at += 1;
        }
    }
    text.push_str(REQUESTS);
    for row in &compared.rows {
        writeln!(text, "{}", row.line()).expect("a String takes it");
    }
    let mut absent = Vec::new();
    text.push_str(VERSIONS);
    for (api, real, ours) in &compared.versions {
        match ours {
            None => absent.push(api.as_str()),
            Some(ours) => {
                writeln!(text, "| {api} | {} to {} | {} to {} |", real.0, real.1, ours.0, ours.1)
                    .expect("a String takes it");
            }
        }
    }
    writeln!(text, "\nNot answered here: {}.", absent.join(", ")).expect("a String takes it");
    text
}

/// The document about another Kafka: only what is not as in the one above.
pub(crate) fn others(version: &str, columns: &[Column], wrong: &[Problem]) -> String {
    let clients: Vec<&str> = columns.iter().map(|column| column.title).collect();
    let (order, other): (Vec<_>, Vec<_>) = wrong.iter().partition(|one| one.is_order);
    let (clients, count) = (clients.join(", "), other.len());
    let mut text = format!(
        "# Kafka {version}\n\nMade by `KAFKA_VERSION={version} .ci/conformance --write`: the calls and requests of \
         [conformance.md](conformance.md), with {clients}.\n\nNot as written there: {count} answers.\n"
    );
    for one in other {
        write!(text, "\n```\n{}\n```\n", one.told).expect("a String takes it");
    }
    if !order.is_empty() {
        text.push_str("\nThe same in another order:\n\n");
    }
    for one in order {
        writeln!(text, "- {}", one.asked).expect("a String takes it");
    }
    text
}

fn cell(real: &str, ours: &str) -> &'static str {
    if real == ABSENT && ours == ABSENT {
        ""
    } else if real != ours {
        "differs"
    } else if real.starts_with('!') {
        "same error"
    } else {
        "same"
    }
}

const HEAD: &str = "\
# What clients are answered, here and by Kafka

Made by `.ci/conformance --write`; without the flag that script fails when this file is not what a run finds. The other
side is Kafka 3.9.1 with ZooKeeper, with the settings of `compose/kafka.properties`. What Kafka's own tools and kcat
print is compared by `.ci/kafka-tools`.

## Clients

Every client carries out the same calls on both, in this order. *same* is the same answer: offsets, records, assignments,
configs; *same error* the same error by the client's own name for it. An empty cell: the client has no such call.
";

const REQUESTS: &str = "
## Requests

Each request is sent to both in every version that both answer; the whole answers are compared, without addresses, ids
that are drawn and times.

| request | versions | asked | |
|---|---|---|---|
";

const VERSIONS: &str = "
## Versions

Requests that Kafka 3.9.1 answers in other versions than this broker.

| request | Kafka | here |
|---|---|---|
";
