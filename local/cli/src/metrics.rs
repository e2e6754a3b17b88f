//! Mappings' metrics in Prometheus's text format, named after CloudWatch's. Pure: a text from what
//! the control endpoint knows.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html> and
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;

use poller::Counts;

use crate::status::{MappingDetail, Mappings};

/// A counter: its name, what it counts, and where it is found.
type Counter = (&'static str, &'static str, fn(&Counts) -> u64);

/// The groups `EventCount` and `ErrorCount`.
const COUNTERS: [Counter; 11] = [
    ("polled_event_count", "Records read from Kafka", |counts| counts.polled),
    ("filtered_out_event_count", "Records that no filter let pass", |c| c.filtered_out),
    ("invoked_event_count", "Records sent to the function, retries included", |c| c.invoked),
    ("failed_invoke_event_count", "Records of batches that failed", |c| c.failed_invoke),
    ("dropped_event_count", "Records given up that are in no destination", |c| c.dropped),
    (
        "on_failure_destination_delivered_event_count",
        "Records given up that are in the destination",
        |counts| counts.delivered,
    ),
    ("committed_event_count", "By how much committed offsets moved", |counts| counts.committed),
    ("polling_error_count", "Errors while reading from Kafka", |counts| counts.polling_errors),
    ("invoke_error_count", "Invocations that failed", |counts| counts.invoke_errors),
    (
        "on_failure_destination_delivery_error_count",
        "Deliveries that the destination did not take",
        |counts| counts.delivery_errors,
    ),
    ("commit_error_count", "Commits that failed", |counts| counts.commit_errors),
];

/// All mappings' metrics. What Kafka cannot say at the moment is left out.
pub(crate) fn prometheus(mappings: &Mappings) -> String {
    let mut text = String::new();
    for (name, help, count) in COUNTERS {
        begin(&mut text, &format!("{name}_total"), help, "counter");
        for mapping in &mappings.mappings {
            sample(&mut text, &format!("{name}_total"), mapping, "", count(&mapping.counts));
        }
    }
    begin(&mut text, "offset_lag", "Records not processed yet, by partition", "gauge");
    for mapping in &mappings.mappings {
        for (partition, lag) in lags(mapping) {
            sample(&mut text, "offset_lag", mapping, &format!(",partition=\"{partition}\""), lag);
        }
    }
    begin(&mut text, "max_offset_lag", "The largest lag of a partition", "gauge");
    for mapping in &mappings.mappings {
        if let Some(max) = lags(mapping).map(|(_, lag)| lag).max() {
            sample(&mut text, "max_offset_lag", mapping, "", max);
        }
    }
    begin(&mut text, "sum_offset_lag", "The lag of all partitions together", "gauge");
    for mapping in &mappings.mappings {
        if let Some(sum) = mapping.lag.and_then(|lag| u64::try_from(lag).ok()) {
            sample(&mut text, "sum_offset_lag", mapping, "", sum);
        }
    }
    begin(&mut text, "provisioned_pollers", "Pollers that are in the group", "gauge");
    for mapping in &mappings.mappings {
        let pollers = u64::try_from(mapping.pollers).unwrap_or(u64::MAX);
        sample(&mut text, "provisioned_pollers", mapping, "", pollers);
    }
    text
}

fn lags(mapping: &MappingDetail) -> impl Iterator<Item = (i32, u64)> {
    mapping.partitions.iter().filter_map(|partition| {
        let lag = u64::try_from(partition.end? - partition.committed?).unwrap_or(0);
        Some((partition.partition, lag))
    })
}

fn begin(text: &mut String, name: &str, help: &str, kind: &str) {
    let written =
        write!(text, "# HELP lambda_esm_{name} {help}.\n# TYPE lambda_esm_{name} {kind}\n");
    written.expect("writing into a string cannot fail");
}

fn sample(text: &mut String, name: &str, mapping: &MappingDetail, label: &str, value: u64) {
    let MappingDetail { id, function, topic, .. } = mapping;
    let labels = format!("mapping=\"{id}\",function=\"{function}\",topic=\"{topic}\"{label}");
    writeln!(text, "lambda_esm_{name}{{{labels}}} {value}").expect("as above");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::PartitionStatus;

    #[test]
    fn every_metric_has_its_help_its_type_and_a_sample_a_mapping() {
        let partition = |partition, committed, end| PartitionStatus { partition, committed, end };
        let mapping = MappingDetail {
            topic: "t".to_owned(),
            pollers: 2,
            lag: Some(9),
            partitions: vec![partition(0, Some(1), Some(3)), partition(1, Some(0), Some(7))],
            counts: Counts { polled: 12, ..Counts::default() },
            ..MappingDetail::example("m-1", "f")
        };
        let text = prometheus(&Mappings { mappings: vec![mapping] });
        let labels = r#"mapping="m-1",function="f",topic="t""#;
        for line in [
            "# HELP lambda_esm_polled_event_count_total Records read from Kafka.".to_owned(),
            "# TYPE lambda_esm_polled_event_count_total counter".to_owned(),
            format!("lambda_esm_polled_event_count_total{{{labels}}} 12"),
            format!("lambda_esm_commit_error_count_total{{{labels}}} 0"),
            format!("lambda_esm_offset_lag{{{labels},partition=\"1\"}} 7"),
            format!("lambda_esm_max_offset_lag{{{labels}}} 7"),
            format!("lambda_esm_sum_offset_lag{{{labels}}} 9"),
            format!("lambda_esm_provisioned_pollers{{{labels}}} 2"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let text = prometheus(&Mappings { mappings: Vec::new() });
        assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
    }
}
