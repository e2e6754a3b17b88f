//! Text for people and scripts from what the control endpoint told. Pure: prints nothing.

use serde::Serialize;

use crate::status::{KafkaFaults, MappingDetail, Mappings, PartitionStatus, Status};

/// One JSON object and a line feed.
pub(crate) fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("strings and numbers become JSON");
    format!("{text}\n")
}

/// Rows with their columns aligned, two blanks between them.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// What `status` prints.
pub(crate) fn status(status: &Status) -> String {
    let mut text = aligned(&[
        row(["gateway", &status.gateway]),
        row(["Lambda", &status.lambda]),
        row(["Kafka", &status.kafka]),
        row(["DynamoDB", &status.table]),
        row(["control", &status.control]),
    ]);
    if !status.functions.is_empty() {
        let mut rows = vec![row(["FUNCTION", "ENVIRONMENTS", "IN FLIGHT"])];
        rows.extend(status.functions.iter().map(|function| {
            row([
                &function.name,
                &function.environments.to_string(),
                &function.in_flight.to_string(),
            ])
        }));
        text.push('\n');
        text.push_str(&aligned(&rows));
    }
    if !status.mappings.is_empty() {
        let mut rows = vec![row(["MAPPING", "TOPIC", "FUNCTION", "STATE", "LAG"])];
        rows.extend(status.mappings.iter().map(|mapping| {
            let lag = or_dash(mapping.lag);
            row([&mapping.id, &mapping.topic, &mapping.function, &mapping.state, &lag])
        }));
        text.push('\n');
        text.push_str(&aligned(&rows));
    }
    text
}

/// What `broker faults` prints.
pub(crate) fn faults(faults: &KafkaFaults) -> String {
    let mut rows = vec![row(["FAULT", "WHAT", "API", "TOPIC", "CLIENT", "TIMES", "MET"])];
    rows.extend(faults.faults.iter().map(|fault| {
        let text = |some: &Option<String>| some.clone().unwrap_or_else(|| "*".to_owned());
        let times = fault.times.map_or_else(|| "*".to_owned(), |times| times.to_string());
        let (api, topic, client) = (text(&fault.api), text(&fault.topic), text(&fault.client_id));
        let (id, met) = (fault.id.to_string(), fault.met.to_string());
        row([&id, &fault.fault, &api, &topic, &client, &times, &met])
    }));
    aligned(&rows)
}

/// What `mapping list` prints.
pub(crate) fn mappings(mappings: &Mappings) -> String {
    let mut rows = vec![row([
        "MAPPING",
        "TOPIC",
        "FUNCTION",
        "STATE",
        "REASON",
        "POLLERS",
        "LAG",
        "LAST RESULT",
    ])];
    rows.extend(mappings.mappings.iter().map(|mapping| {
        row([
            &mapping.id,
            &mapping.topic,
            &mapping.function,
            &mapping.state,
            &mapping.state_transition_reason,
            &mapping.pollers.to_string(),
            &or_dash(mapping.lag),
            &mapping.last_processing_result,
        ])
    }));
    aligned(&rows)
}

/// What `lag` prints: a line for each partition, and one for each mapping as a whole.
pub(crate) fn lag(mappings: &Mappings) -> String {
    let mut rows = vec![row(["TOPIC", "FUNCTION", "PARTITION", "COMMITTED", "END", "LAG"])];
    for mapping in &mappings.mappings {
        rows.extend(mapping.partitions.iter().map(|partition| partition_row(mapping, partition)));
        let lag = or_dash(mapping.lag);
        rows.push(row([&mapping.topic, &mapping.function, "all", "", "", &lag]));
    }
    aligned(&rows)
}

fn partition_row(mapping: &MappingDetail, partition: &PartitionStatus) -> Vec<String> {
    let behind = partition.end.zip(partition.committed).map(|(end, done)| (end - done).max(0));
    row([
        &mapping.topic,
        &mapping.function,
        &partition.partition.to_string(),
        &or_dash(partition.committed),
        &or_dash(partition.end),
        &or_dash(behind),
    ])
}

fn or_dash(number: Option<i64>) -> String {
    number.map_or_else(|| String::from("-"), |number| number.to_string())
}

pub(crate) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::FunctionStatus;

    fn example() -> Mappings {
        let partition = |partition, committed, end| PartitionStatus { partition, committed, end };
        let mapping = MappingDetail {
            lag: Some(7),
            partitions: vec![
                partition(0, Some(5), Some(12)),
                partition(1, Some(3), Some(3)),
                partition(2, None, Some(1)),
            ],
            ..MappingDetail::example("0b2c", "process_events")
        };
        Mappings { mappings: vec![mapping] }
    }

    fn example_status() -> Status {
        Status {
            gateway: "http://127.0.0.1:3000".to_owned(),
            lambda: "http://127.0.0.1:9000".to_owned(),
            kafka: "127.0.0.1:9092".to_owned(),
            table: "http://127.0.0.1:8000".to_owned(),
            control: "http://127.0.0.1:41234".to_owned(),
            kafka_embedded: true,
            functions: vec![FunctionStatus {
                name: "process_events".to_owned(),
                environments: 2,
                in_flight: 1,
            }],
            mappings: example().mappings.into_iter().map(Into::into).collect(),
        }
    }

    #[test]
    fn status_for_people() {
        insta::assert_snapshot!(status(&example_status()), @r"
        gateway   http://127.0.0.1:3000
        Lambda    http://127.0.0.1:9000
        Kafka     127.0.0.1:9092
        DynamoDB  http://127.0.0.1:8000
        control   http://127.0.0.1:41234

        FUNCTION        ENVIRONMENTS  IN FLIGHT
        process_events  2             1

        MAPPING  TOPIC   FUNCTION        STATE    LAG
        0b2c     events  process_events  Enabled  7
        ");
    }

    #[test]
    fn status_for_scripts() {
        insta::assert_snapshot!(json(&example_status()), @r#"{"gateway":"http://127.0.0.1:3000","lambda":"http://127.0.0.1:9000","kafka":"127.0.0.1:9092","table":"http://127.0.0.1:8000","control":"http://127.0.0.1:41234","kafka_embedded":true,"functions":[{"name":"process_events","environments":2,"in_flight":1}],"mappings":[{"id":"0b2c","function":"process_events","topic":"events","state":"Enabled","lag":7}]}"#);
    }

    #[test]
    fn a_mapping_says_what_is_wrong_with_it() {
        let missing = MappingDetail {
            topic: "none".to_owned(),
            state_transition_reason: "ESM_CONFIG_NOT_VALID".to_owned(),
            last_processing_result: "PROBLEM: Topic does not exist.".to_owned(),
            pollers: 3,
            ..MappingDetail::example("1f9e", "f")
        };
        let mut all = example();
        all.mappings.push(missing);
        insta::assert_snapshot!(mappings(&all), @r"
        MAPPING  TOPIC   FUNCTION        STATE    REASON                POLLERS  LAG  LAST RESULT
        0b2c     events  process_events  Enabled  User action           1        7    OK
        1f9e     none    f               Enabled  ESM_CONFIG_NOT_VALID  3        -    PROBLEM: Topic does not exist.
        ");
    }

    #[test]
    fn lag_by_partition() {
        insta::assert_snapshot!(lag(&example()), @r"
        TOPIC   FUNCTION        PARTITION  COMMITTED  END  LAG
        events  process_events  0          5          12   7
        events  process_events  1          3          3    0
        events  process_events  2          -          1    -
        events  process_events  all                        7
        ");
    }
}
