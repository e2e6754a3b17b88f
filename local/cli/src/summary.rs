//! What `up` tells when everything is ready. Pure: knows the plan and the addresses, prints
//! nothing.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anstyle::Style;
use template::{HttpApi, Mapping, Plan, Route};

use crate::stack::{Addresses, Stack};
use crate::tables::{aligned, row};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// AWS gathers records for this long where a mapping does not say: section 3.1 of its guide to
/// Kafka event sources.
const WINDOW_DEFAULT_MS: u128 = 500;

/// What there is to tell.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    plan: &'a Plan,
    addresses: &'a Addresses,
    data: &'a Path,
    elapsed: Duration,
}

impl<'a> Summary<'a> {
    /// The summary of a stack that took `elapsed` to start.
    pub(crate) fn of(stack: &'a Stack, elapsed: Duration) -> Self {
        let (plan, addresses) = (stack.plan(), stack.addresses());
        Self { plan, addresses, data: stack.layout().root(), elapsed }
    }

    /// The text, with styles for a terminal.
    pub(crate) fn render(&self) -> String {
        let seconds = self.elapsed.as_secs_f64();
        let mut text = format!("\n{BOLD}Millrace is up{BOLD:#} {DIM}({seconds:.1} s){DIM:#}\n");
        section(&mut text, "", &self.places());
        section(&mut text, "Functions", &self.functions());
        let mappings = self.plan.mappings.iter().map(mapping);
        section(&mut text, "Mappings", &mappings.collect::<Vec<_>>());
        let inert = self.plan.inert.iter().map(|r| row([&r.logical_id, &r.resource_type]));
        section(&mut text, "Without effect here", &inert.collect::<Vec<_>>());
        let warnings = self.plan.warnings.iter();
        let warnings = warnings.map(|w| row([&format!("line {}", w.line), &w.message]));
        section(&mut text, "Warnings", &warnings.collect::<Vec<_>>());
        let examples = self.examples();
        let examples = examples.iter().map(|example| row([example]));
        section(&mut text, "Try", &examples.collect::<Vec<_>>());
        text.push('\n');
        text
    }

    fn places(&self) -> Vec<Vec<String>> {
        let Addresses { gateway, lambda, kafka, table, control: _, cluster_arn: _ } =
            self.addresses;
        vec![
            row(["HTTP API", gateway]),
            row(["Lambda", lambda]),
            row(["Kafka", kafka]),
            row(["DynamoDB", table]),
            row(["Data", &self.data.display().to_string()]),
        ]
    }

    /// A line for each function with its first route, and one for each further route.
    fn functions(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for function in &self.plan.functions {
            let mut name = function.name.as_str();
            for (api, route) in self.routes().filter(|(_, route)| route.function == function.name) {
                let method = route.method.as_deref().unwrap_or("ANY");
                rows.push(row([name, method, &path(api, route)]));
                name = "";
            }
            if !name.is_empty() {
                rows.push(row([name]));
            }
        }
        rows
    }

    fn routes(&self) -> impl Iterator<Item = (&'a HttpApi, &'a Route)> {
        let plan: &'a Plan = self.plan;
        plan.apis.iter().flat_map(|api| api.routes.iter().map(move |route| (api, route)))
    }

    /// Lines to copy: the first POST and the first GET that need no value in their path.
    fn examples(&self) -> Vec<String> {
        let first = |method: &str| {
            self.routes().map(|(api, route)| (path(api, route), route)).find(|(path, route)| {
                !path.contains('{') && route.method.as_deref() == Some(method)
            })
        };
        let gateway = &self.addresses.gateway;
        let post = first("POST").map(|(path, _)| {
            format!("curl -i -X POST {gateway}{path} -H 'content-type: application/json' -d '{{}}'")
        });
        let get = first("GET").map(|(path, _)| format!("curl -i {gateway}{path}"));
        post.into_iter().chain(get).collect()
    }
}

/// Where a route answers: a stage with a name is part of the path.
fn path(api: &HttpApi, route: &Route) -> String {
    let path = if route.path == "$default" { "/" } else { &route.path };
    match api.stage.as_str() {
        "$default" => path.to_owned(),
        stage => format!("/{stage}{path}"),
    }
}

fn mapping(mapping: &Mapping) -> Vec<String> {
    let window_ms = mapping.window.map_or(WINDOW_DEFAULT_MS, |window| window.as_millis());
    let window = match window_ms {
        0 => "no window".to_owned(),
        ms if ms % 1_000 == 0 => format!("window {} s", ms / 1_000),
        ms => format!("window {ms} ms"),
    };
    let off = if mapping.enabled { "" } else { ", not enabled" };
    let route = format!("{} -> {}", mapping.topic, mapping.function);
    row([&route, &format!("batches of {}, {window}{off}", mapping.batch_size)])
}

/// Adds a titled block, unless it is empty.
fn section(text: &mut String, title: &str, rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    text.push('\n');
    if !title.is_empty() {
        writeln!(text, "{BOLD}{title}{BOLD:#}").expect("text grows");
    }
    for line in aligned(rows).lines() {
        writeln!(text, "  {line}").expect("text grows");
    }
}

#[cfg(test)]
mod tests;
