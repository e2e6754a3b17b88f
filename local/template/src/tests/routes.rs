//! HTTP APIs and their routes.

use std::time::Duration;

use super::*;
use crate::Route;

fn with_event(properties: &str) -> String {
    function(&format!("Events: {{E: {{Type: HttpApi, Properties: {{{properties}}}}}}}"))
}

#[track_caller]
fn route(properties: &str) -> Route {
    plan(&with_event(properties)).apis[0].routes[0].clone()
}

#[track_caller]
fn refuses_event(properties: &str, path: &str, message: &str) {
    let problems =
        parse(&sam(&with_event(properties)), Path::new("/project"), &settings()).unwrap_err();
    let found: Vec<_> =
        problems.iter().map(|problem| (problem.path.as_str(), problem.message.as_str())).collect();
    let path = format!("Resources.F.Properties.Events.E.Properties{path}");
    assert_eq!(found, [(path.as_str(), message)]);
}

#[test]
fn reads_method_path_and_timeout() {
    let expected = Route {
        method: Some("GET".to_owned()),
        path: "/status/{id}".to_owned(),
        function: "F".to_owned(),
        timeout: Duration::from_secs(5),
    };
    assert_eq!(route("Method: get, Path: '/status/{id}', TimeoutInMillis: 5000"), expected);
}

#[test]
fn takes_any_method_and_the_longest_timeout() {
    assert_eq!(route("Path: /a, Method: any").method, None);
    assert_eq!(route("Path: /a, Method: any").timeout, Duration::from_secs(30));
}

#[test]
fn makes_an_event_without_path_and_method_the_default_route() {
    assert_eq!(route("").path, "$default");
    let plan = plan(&function("Events: {E: {Type: HttpApi}}"));
    assert_eq!(plan.apis[0].routes[0].path, "$default");
}

#[test]
fn puts_events_without_an_api_into_the_implicit_one() {
    let globals = "Globals: {HttpApi: {CorsConfiguration: true, StageVariables: {a: b}}}\n";
    let plan = plan(&format!("{globals}{}", with_event("Path: /a, Method: GET")));
    let api = &plan.apis[0];
    assert_eq!(api.logical_id, "ServerlessHttpApi");
    assert_eq!(api.stage, "$default");
    assert_eq!(api.cors.as_ref().unwrap().allow_origins, ["*"]);
    assert_eq!(api.stage_variables["a"], "b");
}

#[test]
fn puts_events_into_the_api_they_name() {
    let api = "  Api:\n    Type: AWS::Serverless::HttpApi\n    Properties: {StageName: prod}\n";
    let text = format!("{}{api}", with_event("Path: /a, Method: GET, ApiId: !Ref Api"));
    let plan = plan(&text);
    assert_eq!(plan.apis.len(), 1);
    assert_eq!((plan.apis[0].stage.as_str(), plan.apis[0].routes.len()), ("prod", 1));
}

#[test]
fn refuses_an_api_that_is_not_there() {
    refuses_event(
        "Path: /a, Method: GET, ApiId: abc",
        "",
        "there is no `AWS::Serverless::HttpApi` `abc`",
    );
}

#[test]
fn refuses_paths_that_are_none() {
    for (path, message) in [
        ("a", "the path `a` must start with a slash"),
        ("/x{id}", "`x{id}` must be a variable as a whole: `{name}`"),
        ("/{a+}/b", "the greedy variable `{a+}` must come last"),
        ("/{}", "the variable `{}` has no name"),
        ("/{a}/{a}", "the variable `{a}` is there twice"),
    ] {
        refuses_event(&format!("Path: '{path}', Method: GET"), ".Path", message);
    }
}

#[test]
fn refuses_methods_that_http_apis_do_not_know() {
    refuses_event("Path: /a, Method: BREW", ".Method", "`BREW` is not a method of an HTTP API");
    refuses_event("Method: GET", "", "`Path` is missing");
    refuses_event("Path: /a", "", "`Method` is missing");
}

#[test]
fn refuses_what_is_not_simulated() {
    refuses_event(
        "Path: /a, Method: GET, Auth: {Authorizer: A}",
        ".Auth",
        "authorizers are not simulated",
    );
    refuses_event(
        "Path: /a, Method: GET, PayloadFormatVersion: '1.0'",
        ".PayloadFormatVersion",
        "only payload format 2.0 is simulated",
    );
    refuses_event(
        "Path: /a, Method: GET, TimeoutInMillis: 30001",
        ".TimeoutInMillis",
        "must be between 50 and 30000, not 30001",
    );
}

#[test]
fn refuses_a_route_that_is_there_already() {
    let events = "Events:\n  A: {Type: HttpApi, Properties: {Path: /a, Method: GET}}\n  \
                  B: {Type: HttpApi, Properties: {Path: /a, Method: get}}";
    refuses(
        &function(events),
        &[
            "8:28 Resources.F.Properties.Events.B.Properties: the route `GET /a` goes to `F` already",
        ],
    );
}

#[test]
fn reads_cors_in_its_three_forms() {
    let cors = |cors: &str| {
        let api = "Resources:\n  Api:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      ";
        plan(&format!("{api}CorsConfiguration: {cors}\n")).apis[0].cors.clone()
    };
    assert_eq!(cors("true").unwrap().allow_origins, ["*"]);
    assert_eq!(cors("false"), None);
    assert_eq!(cors("https://a.example").unwrap().allow_origins, ["https://a.example"]);
    let whole = cors(
        "{AllowOrigins: [a], AllowMethods: [GET], AllowHeaders: [h], ExposeHeaders: [e], \
         MaxAge: 60, AllowCredentials: true}",
    )
    .unwrap();
    assert_eq!(whole.allow_methods, ["GET"]);
    assert_eq!(whole.allow_headers, ["h"]);
    assert_eq!(whole.expose_headers, ["e"]);
    assert_eq!((whole.max_age_s, whole.allow_credentials), (Some(60), true));
}

#[test]
fn refuses_apis_that_are_more_than_their_routes() {
    let text = "Resources:\n  Api:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      \
                DefinitionBody: {}\n      Auth: {}\n      StageName: a/b\n      \
                CorsConfiguration: {AllowCredentials: true, AllowOrigin: [x]}\n";
    refuses(
        text,
        &[
            "6:7 Resources.Api.Properties.DefinitionBody: routes are read from the `Events` of \
             functions only, not from an OpenAPI document",
            "7:7 Resources.Api.Properties.Auth: authorizers are not simulated",
            "8:18 Resources.Api.Properties.StageName: `a/b` is not a stage's name: letters, \
             digits, `-` and `_`",
            "9:45 Resources.Api.Properties.CorsConfiguration.AllowCredentials: credentials need \
             `AllowOrigins` that name the origins, not `*`",
            "9:51 Resources.Api.Properties.CorsConfiguration.AllowOrigin: is not a property that \
             is known here (did you mean `AllowOrigins`?)",
        ],
    );
}
