//! The resources of a template as parts of a plan: each is simulated, inert, or refused with its
//! line. What belongs to one kind of resource is in the module of that kind.

mod code;
mod environment;
mod event_invoke;
mod function;
mod http_api;
mod inert;
mod logging;
mod mapping;
mod route;
mod table;
mod topic;

use std::{collections::BTreeSet, path::Path};

use crate::{
    Settings,
    findings::{Findings, Position, Problem},
    globals,
    node::{Entry, Node, Value},
    place::{Place, suggestion},
    plan::{Function, Inert, Plan},
    resolve::Resolver,
    resources::{mapping::DeclaredMapping, route::DeclaredRoute},
    sections::Sections,
};

/// The API that SAM adds for `HttpApi` events which name none.
pub(crate) const IMPLICIT_API: &str = "ServerlessHttpApi";

/// The types that do something here.
const SIMULATED: [&str; 7] = [
    "AWS::DynamoDB::Table",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::MSK::Topic",
    "AWS::Serverless::Function",
    "AWS::Serverless::HttpApi",
    "AWS::Serverless::SimpleTable",
];

/// What reading a resource needs besides the resource.
#[derive(Debug)]
pub(crate) struct Context<'t> {
    pub(crate) sections: &'t Sections<'t>,
    pub(crate) resolver: Resolver<'t>,
    /// Where relative paths start; absolute.
    pub(crate) directory: &'t Path,
    pub(crate) settings: &'t Settings,
}

/// A resource whose condition holds, globals merged in and functions worked out.
#[derive(Debug)]
struct Resource<'t> {
    logical_id: &'t str,
    kind: &'t str,
    kind_position: Position,
    position: Position,
    properties: Node,
    metadata: Option<Node>,
}

impl Resource<'_> {
    fn properties<'r>(&'r self, findings: &'r Findings) -> Place<'r> {
        let path = format!("Resources.{}.Properties", self.logical_id);
        Place::new(&self.properties, self.position, path, findings)
    }

    fn refuse(&self, message: String, hint: &str, findings: &Findings) {
        let path = format!("Resources.{}.Type", self.logical_id);
        let hint = Some(hint.to_owned());
        findings.problem(Problem { position: self.kind_position, path, message, hint });
    }
}

/// Reads all resources. Where it reports a problem, the plan is not to be used.
pub(crate) fn plan(context: &Context<'_>, findings: &Findings) -> Plan {
    if let Some(globals) = context.sections.globals {
        globals::check(globals, findings);
    }
    let entries = context.sections.resources.map(|entry| entry.value.entries()).unwrap_or_default();
    let resources: Vec<_> =
        entries.iter().filter_map(|entry| evaluate(entry, context, findings)).collect();
    let mut draft = Draft::default();
    for resource in &resources {
        draft.add(resource, context, findings);
    }
    draft.finish(context, findings)
}

fn evaluate<'t>(
    entry: &'t Entry,
    context: &Context<'t>,
    findings: &Findings,
) -> Option<Resource<'t>> {
    let path = format!("Resources.{}", entry.key);
    let place = Place::new(&entry.value, entry.position, path, findings);
    if entry.key.is_empty() || !entry.key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        place.problem("a logical id is letters and digits only");
        return None;
    }
    let fields = place.fields()?;
    let holds = match fields.optional("Condition") {
        Some(place) => holds(&place, context),
        None => true,
    };
    let kind = fields.required("Type");
    let properties = fields.optional("Properties");
    let ignored = fields.optional("IgnoreGlobals");
    let metadata = fields.optional("Metadata");
    fields.inert(&["Connectors", "CreationPolicy", "DeletionPolicy", "DependsOn"]);
    fields.inert(&["UpdatePolicy", "UpdateReplacePolicy"]);
    fields.finish();
    let kind = kind.filter(|_| holds)?;
    let empty = Node { position: entry.position, value: Value::Map(Vec::new()) };
    let own = properties.as_ref().map_or(&empty, Place::node);
    let ignored = ignored.as_ref().map(Place::node);
    let merged = globals::merged(context.sections.globals, kind.text()?, ignored, own);
    Some(Resource {
        logical_id: &entry.key,
        kind: entry.value.get("Type")?.as_text()?,
        kind_position: kind.position(),
        position: properties.as_ref().map_or(entry.position, Place::position),
        properties: context.resolver.resolve(&merged).unwrap_or(empty),
        metadata: metadata.and_then(|place| context.resolver.resolve(place.node())),
    })
}

/// `Metadata: Millrace`.
fn millrace<'f>(context: &Context<'f>, findings: &'f Findings) -> Option<Place<'f>> {
    let entry = context.sections.millrace?;
    Some(Place::new(&entry.value, entry.position, "Metadata.Millrace".to_owned(), findings))
}

/// Whether the condition that is named here holds; not, where that cannot be told.
fn holds(place: &Place<'_>, context: &Context<'_>) -> bool {
    let condition = place.text().map(|name| context.resolver.condition(name));
    match condition {
        Some(Ok(holds)) => holds,
        Some(Err(why)) => {
            place.unknown(&why);
            false
        }
        None => false,
    }
}

/// The parts of a plan while resources are still being read.
#[derive(Debug, Default)]
struct Draft<'r> {
    plan: Plan,
    routes: Vec<DeclaredRoute<'r>>,
    mappings: Vec<DeclaredMapping<'r>>,
    /// The names of functions, topics and tables, each with its kind.
    names: BTreeSet<(&'static str, String)>,
}

impl<'r> Draft<'r> {
    fn add(&mut self, resource: &'r Resource<'_>, context: &Context<'_>, findings: &'r Findings) {
        let place = resource.properties(findings);
        match resource.kind {
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                self.add_function(resource, &place, context, findings);
            }
            "AWS::Serverless::HttpApi" => {
                self.plan.apis.push(http_api::read(resource.logical_id, &place));
            }
            "AWS::MSK::Topic" => {
                let topic = topic::read(resource.logical_id, &place);
                self.name("topic", &topic.name, &place);
                self.plan.topics.push(topic);
            }
            "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => {
                let table = table::read(resource.logical_id, resource.kind, &place);
                self.name("table", &table.name, &place);
                self.plan.tables.push(table);
            }
            "AWS::Lambda::EventSourceMapping" => {
                let millrace = millrace(context, findings);
                let mapping =
                    mapping::read_resource(resource.logical_id, &place, millrace.as_ref());
                self.mappings.extend(mapping);
            }
            kind if inert::is_inert(kind) => {
                if let Some(note) = inert::note(kind) {
                    findings.warning(resource.position, note);
                }
                let logical_id = resource.logical_id.to_owned();
                self.plan.inert.push(Inert { logical_id, resource_type: kind.to_owned() });
            }
            kind => {
                let elsewhere = || {
                    "give it a `Condition` that is false here, or a template of its own".to_owned()
                };
                let hint = suggestion(kind, SIMULATED).unwrap_or_else(elsewhere);
                resource.refuse(format!("`{kind}` is not simulated"), &hint, findings);
            }
        }
    }

    fn add_function(
        &mut self,
        resource: &'r Resource<'_>,
        place: &Place<'r>,
        context: &Context<'_>,
        findings: &Findings,
    ) {
        let Some(fields) = place.fields() else { return };
        let function = function::read(resource, &fields, context);
        let serverless = resource.kind == "AWS::Serverless::Function";
        let events = if serverless { fields.optional("Events") } else { None };
        for (event, place) in events.and_then(|place| place.pairs()).unwrap_or_default() {
            let millrace = millrace(context, findings);
            self.add_event(&function, event, &place, millrace.as_ref());
        }
        fields.finish();
        self.name("function", &function.name, place);
        self.plan.functions.push(function);
    }

    fn add_event(
        &mut self,
        function: &Function,
        event: &str,
        place: &Place<'r>,
        millrace: Option<&Place<'_>>,
    ) {
        let Some(source) = place.fields() else { return };
        let kind = source.required("Type").and_then(|place| place.text());
        let properties = source.optional("Properties");
        source.finish();
        match (kind, properties) {
            (Some("HttpApi"), properties) => {
                // Without properties it is the default route.
                let properties = properties.unwrap_or_else(|| place.emptied());
                self.routes.extend(route::read(function, &properties));
            }
            (Some(kind @ ("MSK" | "SelfManagedKafka")), Some(properties)) => {
                let logical_id = format!("{}{event}", function.logical_id);
                let name = &function.name;
                let mapping = mapping::read_event(logical_id, kind, name, &properties, millrace);
                self.mappings.extend(mapping);
            }
            (Some("MSK" | "SelfManagedKafka"), None) => {
                place.problem("`Properties` is missing");
            }
            (Some(kind), _) => place.problem_with_hint(
                format!("events of type `{kind}` are not simulated"),
                Some("HttpApi, MSK and SelfManagedKafka are".to_owned()),
            ),
            (None, _) => {}
        }
    }

    /// Takes a name for a kind of thing; each is there once.
    fn name(&mut self, kind: &'static str, name: &str, place: &Place<'_>) {
        if !self.names.insert((kind, name.to_owned())) {
            place.problem(format!("another {kind} is named `{name}` already"));
        }
    }

    fn finish(mut self, context: &Context<'_>, findings: &Findings) -> Plan {
        route::assign(self.routes, &mut self.plan.apis, || http_api::implicit(context, findings));
        mapping::assign(self.mappings, &mut self.plan);
        let start = context.sections.resources.map(|entry| entry.position);
        let start = start.unwrap_or(Position { line: 1, column: 1 });
        let warn = |message| findings.warning(start, message);
        event_invoke::report_strangers(&mut self.plan.functions, warn);
        environment::report_unmatched(context, &self.plan, findings);
        self.plan
    }
}
