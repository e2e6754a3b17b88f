//! Metrics as CloudWatch reads them out of the log: one JSON line in the embedded metric format.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

/// CloudWatch's namespace of all our metrics.
const NAMESPACE: &str = "Millrace";

/// What a metric is counted in ("`MetricDatum`", Amazon CloudWatch API reference).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A share in 100.
    Percent,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Percent => "Percent",
        }
    }
}

/// Writes metrics at `at_ms`, in milliseconds since 1970, to standard output. A line that cannot be written is lost, as
/// log lines are.
pub fn metrics(at_ms: i64, values: &[(&str, Unit, f64)]) {
    let line = line(at_ms, values);
    if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
        tracing::debug!(error = %error, "Metrics not written");
    }
}

/// "Specification: Embedded metric format", Amazon CloudWatch user guide. Names are ours and need no escape.
fn line(at_ms: i64, values: &[(&str, Unit, f64)]) -> String {
    let (mut names, mut numbers) = (String::new(), String::new());
    for (name, unit, value) in values {
        let comma = if names.is_empty() { "" } else { "," };
        let unit = unit.name();
        let value = if value.is_finite() { *value } else { 0.0 };
        write!(names, r#"{comma}{{"Name":"{name}","Unit":"{unit}"}}"#)
            .and_then(|()| write!(numbers, r#","{name}":{value}"#))
            .expect("a string takes any text");
    }
    format!(
        r#"{{"_aws":{{"Timestamp":{at_ms},"CloudWatchMetrics":[{{"Namespace":"{NAMESPACE}","Dimensions":[[]],"Metrics":[{names}]}}]}}{numbers}}}"#
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let line = line(5, &[("Orders", Unit::Count, 3.0), ("Rate", Unit::Percent, 33.33)]);
        let metrics = json!([
            {"Name": "Orders", "Unit": "Count"}, {"Name": "Rate", "Unit": "Percent"},
        ]);
        let directive = json!({"Namespace": "Millrace", "Dimensions": [[]], "Metrics": metrics});
        let expected = json!({
            "_aws": {"Timestamp": 5, "CloudWatchMetrics": [directive]}, "Orders": 3, "Rate": 33.33,
        });
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
    }
}
