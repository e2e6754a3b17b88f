//! Takes out of what a tool printed only what must differ between two clusters: addresses, ids that
//! are drawn, times, and the topic in which a real Kafka keeps committed offsets and this broker
//! does not.

use std::sync::OnceLock;

use regex_lite::Regex;

/// What to look for, and what stands in its place.
const RULES: &[(&str, &str)] = &[
    (r"(localhost|127\.0\.0\.1):[0-9]+", "BROKER"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"TopicId: \S+", "TopicId: ID"),
    // Which of its connections kcat's list came on: whichever answered first.
    (r"from broker -?1: BROKER/\w+", "from BROKER"),
    (r#"\{"id":-?1,"name":"BROKER/\w+"\}"#, "BROKER"),
    // An end that kcat passes is told if it polls once more before it leaves.
    (r"(?m)^% Reached end of topic \S+ \[[0-9]+\] at offset [0-9]+\n", ""),
    // A record's milliseconds since 1970, from now until 2033.
    (r"\b1[6-9][0-9]{11}\b", "MILLISECONDS"),
    // How a log line of the tool begins (Java's, librdkafka's), and the rest of a Java exception.
    (r"(?m)^[0-9-]{10} [0-9:]{8},[0-9]{3} ", ""),
    (r"\|[0-9]{10}\.[0-9]{3}\|", "|SECONDS|"),
    (r"(?m)^\tat .*\n", ""),
    // kcat's list, as text and as JSON; kafka-configs; any other line.
    (r"(?m)^ [0-9]+ topics:\n", ""),
    ("(?m)^  topic \"__consumer_offsets\".*\\n(    .*\\n)*", ""),
    (
        r#",?\{"topic":"__consumer_offsets","partitions":\[(\{[^{}]*\{[^{}]*\}[^{}]*\{[^{}]*\}\]\},?)*\]\}"#,
        "",
    ),
    (r"(?m)^\S.*__consumer_offsets are:\n(  .*\n)*", ""),
    (r"(?m)^.*__consumer_offsets.*\n", ""),
];

/// `printed` without what must differ.
pub(crate) fn normal(printed: &str) -> String {
    static COMPILED: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let rules = COMPILED.get_or_init(|| {
        let rules = RULES.iter();
        rules.map(|(rule, instead)| (Regex::new(rule).expect("a rule"), *instead)).collect()
    });
    rules.iter().fold(printed.to_owned(), |text, (rule, instead)| {
        rule.replace_all(&text, *instead).into_owned()
    })
}
