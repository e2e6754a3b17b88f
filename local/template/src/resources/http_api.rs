//! `AWS::Serverless::HttpApi`, and the one that SAM adds by itself. Routes come from events.

use super::{Context, IMPLICIT_API};
use crate::{
    findings::{Findings, Position},
    globals,
    node::{Entry, Node, Value},
    place::Place,
    plan::{Cors, HttpApi},
};

/// Properties that are accepted and have no effect here.
const INERT: [&str; 8] = [
    "AccessLogSettings",
    "Description",
    "DisableExecuteApiEndpoint",
    "Domain",
    "FailOnWarnings",
    "Name",
    "PropagateTags",
    "Tags",
];

pub(super) fn read(logical_id: &str, place: &Place<'_>) -> HttpApi {
    let mut api = HttpApi {
        logical_id: logical_id.to_owned(),
        stage: "$default".to_owned(),
        ..HttpApi::default()
    };
    let Some(fields) = place.fields() else { return api };
    if let Some(stage) = fields.optional("StageName").and_then(|place| stage_name(&place)) {
        api.stage = stage;
    }
    let variables = fields.optional("StageVariables").and_then(|place| place.text_map());
    api.stage_variables = variables.unwrap_or_default();
    api.cors = fields.optional("CorsConfiguration").and_then(|place| cors(&place));
    fields.refuse(
        &["DefinitionBody", "DefinitionUri"],
        "routes are read from the `Events` of functions only, not from an OpenAPI document",
    );
    fields.refuse(&["Auth"], "authorizers are not simulated");
    for key in ["DefaultRouteSettings", "RouteSettings"] {
        if let Some(place) = fields.optional(key) {
            place.warning("throttling and metrics of routes have no effect here");
        }
    }
    fields.inert(&INERT);
    fields.finish();
    api
}

/// The API that SAM adds, with what `Globals` says about it.
pub(super) fn implicit(context: &Context<'_>, findings: &Findings) -> HttpApi {
    let globals: Option<&Entry> = context.sections.globals;
    let position = globals.map_or(Position { line: 1, column: 1 }, |entry| entry.position);
    let empty = Node { position, value: Value::Map(Vec::new()) };
    let merged = globals::merged(globals, "AWS::Serverless::HttpApi", None, &empty);
    let properties = context.resolver.resolve(&merged).unwrap_or(empty);
    let place = Place::new(&properties, position, "Globals.HttpApi".to_owned(), findings);
    read(IMPLICIT_API, &place)
}

fn stage_name(place: &Place<'_>) -> Option<String> {
    let name = place.text()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name == "$default" || (!name.is_empty() && name.bytes().all(allowed)) {
        return Some(name.to_owned());
    }
    place.problem(format!("`{name}` is not a stage's name: letters, digits, `-` and `_`"));
    None
}

/// `true` allows every origin, a text that one origin, a map says it all.
fn cors(place: &Place<'_>) -> Option<Cors> {
    let origins =
        |origins: &str| Cors { allow_origins: vec![origins.to_owned()], ..Cors::default() };
    match place.node().as_text() {
        Some("true" | "True" | "TRUE") => return Some(origins("*")),
        Some("false" | "False" | "FALSE") => return None,
        Some(origin) => return Some(origins(origin)),
        None => {}
    }
    let fields = place.fields()?;
    let texts = |key| fields.optional(key).and_then(|place| place.texts()).unwrap_or_default();
    let credentials = fields.optional("AllowCredentials");
    let cors = Cors {
        allow_origins: texts("AllowOrigins"),
        allow_methods: texts("AllowMethods"),
        allow_headers: texts("AllowHeaders"),
        expose_headers: texts("ExposeHeaders"),
        max_age_s: fields.optional("MaxAge").and_then(|place| place.count(0..=u32::MAX)),
        allow_credentials: credentials.as_ref().and_then(Place::boolean).unwrap_or(false),
    };
    let everyone = cors.allow_origins.is_empty() || cors.allow_origins.iter().any(|o| o == "*");
    if let Some(place) = credentials.filter(|_| cors.allow_credentials && everyone) {
        place.problem("credentials need `AllowOrigins` that name the origins, not `*`");
    }
    fields.finish();
    Some(cors)
}
