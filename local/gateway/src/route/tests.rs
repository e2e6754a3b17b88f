//! Precedence tables: which of a set of routes answers which request.

use super::*;

fn api(logical_id: &str, stage: &str, keys: &[&str]) -> ApiConfig {
    ApiConfig {
        logical_id: logical_id.to_owned(),
        stage: stage.to_owned(),
        stage_variables: BTreeMap::new(),
        cors: None,
        routes: keys
            .iter()
            .map(|key| {
                let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
                RouteConfig {
                    method: (method != "ANY").then(|| method.to_owned()),
                    path: path.to_owned(),
                    function: (*key).to_owned(),
                    timeout: Duration::from_secs(30),
                }
            })
            .collect(),
    }
}

/// Method, path, key of the route that answers, parameters.
type Row<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)]);

/// Checks `rows` for every rotation of `keys`.
#[track_caller]
fn check(keys: &[&str], rows: &[Row<'_>]) {
    let mut keys = keys.to_vec();
    for _ in 0..keys.len() {
        keys.rotate_left(1);
        let table = RouteTable::new(&[api("a", DEFAULT_STAGE, &keys)]).unwrap();
        for (method, path, key, parameters) in rows {
            let matched = table.find(method, path);
            let found = matched.as_ref().map_or("none", |matched| matched.route.key.as_str());
            assert_eq!(found, *key, "{method} {path}");
            let values = matched.map(|matched| matched.parameters).unwrap_or_default();
            let values: Vec<_> =
                values.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(values, *parameters, "{method} {path}");
        }
    }
}

#[test]
fn follows_the_example_of_the_aws_guide() {
    check(
        &[
            "GET /pets/dog/1",
            "GET /pets/dog/{id}",
            "GET /pets/{proxy+}",
            "ANY /{proxy+}",
            "$default",
        ],
        &[
            ("GET", "/pets/dog/1", "GET /pets/dog/1", &[]),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}", &[("id", "2")]),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}", &[("proxy", "cat/1")]),
            ("POST", "/test/5", "ANY /{proxy+}", &[("proxy", "test/5")]),
            ("POST", "/pets/dog/1", "ANY /{proxy+}", &[("proxy", "pets/dog/1")]),
        ],
    );
}

#[test]
fn a_full_match_beats_greedy_and_greedy_beats_default() {
    check(
        &["ANY /{a}/{b}", "GET /x/{proxy+}", "$default"],
        &[
            ("GET", "/x/1", "ANY /{a}/{b}", &[("a", "x"), ("b", "1")]),
            ("GET", "/x/1/2", "GET /x/{proxy+}", &[("proxy", "1/2")]),
            ("PUT", "/x/1/2", "$default", &[]),
            ("GET", "/", "$default", &[]),
        ],
    );
}

#[test]
fn an_exact_method_beats_any_method() {
    check(
        &["ANY /x", "POST /x"],
        &[
            ("POST", "/x", "POST /x", &[]),
            ("GET", "/x", "ANY /x", &[]),
            ("post", "/x", "ANY /x", &[]),
        ],
    );
}

#[test]
fn literals_beat_variables_and_the_leftmost_decides_a_tie() {
    check(
        &["GET /a/{y}", "GET /{x}/b", "GET /{x}/{y}"],
        &[
            ("GET", "/a/b", "GET /a/{y}", &[("y", "b")]),
            ("GET", "/c/b", "GET /{x}/b", &[("x", "c")]),
            ("GET", "/c/d", "GET /{x}/{y}", &[("x", "c"), ("y", "d")]),
        ],
    );
}

#[test]
fn the_longer_prefix_of_a_greedy_route_wins() {
    check(
        &["GET /{proxy+}", "GET /a/{proxy+}", "GET /a/{id}/{proxy+}"],
        &[
            ("GET", "/a/1/2", "GET /a/{id}/{proxy+}", &[("id", "1"), ("proxy", "2")]),
            ("GET", "/a/1", "GET /a/{proxy+}", &[("proxy", "1")]),
            ("GET", "/b", "GET /{proxy+}", &[("proxy", "b")]),
        ],
    );
}

#[test]
fn a_greedy_root_takes_the_root_but_a_greedy_folder_not_the_folder() {
    check(&["ANY /{proxy+}"], &[("GET", "/", "ANY /{proxy+}", &[("proxy", "")])]);
    check(
        &["ANY /a/{proxy+}"],
        &[("GET", "/a", "none", &[]), ("GET", "/a/", "ANY /a/{proxy+}", &[("proxy", "")])],
    );
}

#[test]
fn a_variable_takes_exactly_one_segment_that_is_not_empty() {
    check(
        &["GET /x/{id}"],
        &[
            ("GET", "/x/", "none", &[]),
            ("GET", "/x", "none", &[]),
            ("GET", "/x/1/", "none", &[]),
            ("GET", "/x/1/2", "none", &[]),
            ("GET", "/X/1", "none", &[]),
        ],
    );
}

#[test]
fn segments_are_decoded_one_by_one() {
    check(
        &["GET /x y/{id}", "GET /g/{proxy+}"],
        &[
            ("GET", "/x%20y/a%2Fb", "GET /x y/{id}", &[("id", "a/b")]),
            ("GET", "/g/%C3%A4/b", "GET /g/{proxy+}", &[("proxy", "ä/b")]),
        ],
    );
}

#[test]
fn no_route_answers_what_none_matches() {
    check(&["GET /x"], &[("GET", "/y", "none", &[]), ("POST", "/x", "none", &[])]);
}

#[test]
fn a_named_stage_is_served_below_its_name_and_is_chosen_first() {
    let apis = [api("one", DEFAULT_STAGE, &["ANY /{proxy+}"]), api("two", "prod", &["GET /x"])];
    let table = RouteTable::new(&apis).unwrap();
    assert_eq!(table.find("GET", "/prod/x").unwrap().route.api, 1);
    assert!(table.find("GET", "/prod/y").is_none(), "the other stage must not answer");
    assert_eq!(table.find("GET", "/x").unwrap().route.api, 0);
    let parameters = table.find("GET", "/$default/x").unwrap().parameters;
    assert_eq!(parameters, [("proxy", "$default/x".to_owned())], "the root has no other name");
    assert_eq!(table.apis_at("/prod/y").collect::<Vec<_>>(), [1]);
    assert_eq!(table.apis_at("/y").collect::<Vec<_>>(), [0]);
}

#[test]
fn apis_share_the_port_until_two_routes_clash() {
    let one = api("one", DEFAULT_STAGE, &["GET /x/{id}", "POST /x"]);
    assert!(RouteTable::new(&[one.clone(), api("two", DEFAULT_STAGE, &["GET /x"])]).is_ok());
    assert!(RouteTable::new(&[one.clone(), api("two", "prod", &["POST /x"])]).is_ok());
    let error = RouteTable::new(&[one, api("two", DEFAULT_STAGE, &["GET /x/{name}"])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "route `GET /x/{name}` of API `two` answers the same requests as route `GET /x/{id}` of API `one`"
    );
}

#[test]
fn refuses_paths_that_are_no_routes() {
    #[track_caller]
    fn refused(key: &str, message: &str) {
        let error = RouteTable::new(&[api("a", DEFAULT_STAGE, &[key])]).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    refused("GET x", "path `x` of API `a` does not start with `/`");
    refused("GET /{x+}/y", "a greedy parameter is not the end of path `/{x+}/y` of API `a`");
    refused("GET /a{x}", "segment `a{x}` in path `/a{x}` of API `a` is not a parameter");
    refused("GET /{}", "segment `{}` in path `/{}` of API `a` is not a parameter");
    refused("GET $default", "route `$default` of API `a` has method `GET`; it takes every method");
}

#[test]
fn no_route_may_take_longer_than_aws_allows() {
    let mut config = api("a", DEFAULT_STAGE, &["GET /x", "GET /y"]);
    config.routes[0].timeout = Duration::from_mins(5);
    config.routes[1].timeout = Duration::from_secs(3);
    let table = RouteTable::new(&[config]).unwrap();
    assert_eq!(table.find("GET", "/x").unwrap().route.timeout, INTEGRATION_TIMEOUT_MAX);
    assert_eq!(table.find("GET", "/y").unwrap().route.timeout, Duration::from_secs(3));
}
