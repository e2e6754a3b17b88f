//! The command line, as people and scripts type it.

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse_from(line.split_whitespace())
}

#[track_caller]
fn up(line: &str) -> Up {
    match parse(line).unwrap().command {
        Command::Up(up) => *up,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refuses(line: &str, reason: &str) {
    let error = parse(line).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn the_definition_is_consistent() {
    CommandLine::command().debug_assert();
}

#[test]
fn up_takes_every_flag_of_the_contract() {
    let up = up("millrace up --fresh --detach --wait --kafka localhost:9092 \
         --functions http://localhost:9000 --template t.yaml --data d --gateway-port 0 \
         --lambda-port 1 --kafka-port 2 --table-port 3 --release \
         --parameter-overrides A=1 B=x=y ParameterKey=C,ParameterValue=3 --env-vars env.json \
         --environments 4");
    assert!(up.fresh && up.detach && up.wait && up.release);
    assert_eq!(up.kafka.as_deref(), Some("localhost:9092"));
    assert_eq!(up.functions.unwrap().to_string(), "http://localhost:9000/");
    assert_eq!((up.ports.gateway, up.ports.lambda, up.ports.kafka, up.ports.table), (0, 1, 2, 3));
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(up.parameter_overrides, [pair("A", "1"), pair("B", "x=y"), pair("C", "3")]);
    assert_eq!(up.environments, Some(4));
}

#[test]
fn the_default_ports_are_those_that_tools_expect() {
    let ports = up("millrace up").ports;
    assert_eq!((ports.gateway, ports.lambda, ports.kafka, ports.table), (3000, 9000, 9092, 8000));
}

#[test]
fn data_and_template_are_taken_by_every_command() {
    let line = parse("millrace status --json --data d --template t.yaml").unwrap();
    assert_eq!(line.place.data, Some(PathBuf::from("d")));
    assert_eq!(line.place.template, Some(PathBuf::from("t.yaml")));
}

#[test]
fn wrong_usage_is_exit_code_2_with_the_reason() {
    refuses("millrace up --kafka localhost", "expected HOST:PORT");
    refuses("millrace up --kafka http://localhost:9092", "expected HOST:PORT");
    refuses("millrace up --functions localhost:9000", "starts with http://");
    refuses("millrace up --parameter-overrides A", "expected NAME=VALUE");
    refuses("millrace up --parameter-overrides =A", "the name before `=` is empty");
    refuses("millrace up --environments 0", "0 is not in 1..=1000");
    refuses("millrace load --duration 0", "above 0");
    refuses("millrace load --requests 1 --duration 1", "cannot be used with");
    refuses("millrace load --rate 0", "expected requests a second, as in `500`, or a ramp");
    refuses("millrace load --rate 5 --connections 5", "cannot be used with");
    refuses("millrace load --connections 5 --in-flight 5", "cannot be used with");
    refuses("millrace load --preset nothing", "thousand, ten-thousand, ten-thousand-a-minute");
    refuses("millrace lag --json --watch", "cannot be used with");
    refuses("millrace nothing", "unrecognized subcommand");
}

#[test]
fn help_of_each_command_shows_examples() {
    for command in ["", "up", "down", "logs", "status", "lag", "load", "mapping", "fault"] {
        let help = parse(&format!("millrace {command} --help")).unwrap_err();
        assert_eq!(help.exit_code(), 0);
        assert!(help.to_string().contains("Examples:\n  cargo local"), "{help}");
    }
}

#[test]
fn a_load_takes_faults_and_a_seed() {
    let load =
        match parse("millrace load --fault kill-poller@1s,poison=1% --chaos 7").unwrap().command {
            Command::Load(load) => load,
            other => panic!("{other:?}"),
        };
    assert!(load.faults.any() && load.faults.chaos == Some(7));
    assert_eq!(load.faults.fault.unwrap().timed.len(), 1);
    refuses("millrace load --fault stop-broker", "it does not say when");
    refuses("millrace load --kafka-stop x", "--kafka-start");
    refuses("millrace fault poison=1%", "there is no such fault");
}
