//! Calls a running Invoke API with the crate `aws-sdk-lambda`, unchanged: `sdk_check URL`, of a stack
//! with the template in the folder above. Ends with a panic where an answer is not AWS's.

use aws_credential_types::Credentials;
use aws_sdk_lambda::config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType, ThrottleReason};
use aws_sdk_lambda::{Client, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).expect("the URL of an Invoke API");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "check"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled());
    let client = Client::from_conf(config.build());
    let invoke = |function: &str, payload: &str| {
        client.invoke().function_name(function).payload(Blob::new(payload))
    };

    let answer = invoke("echo", r#"{"a": 1}"#).log_type(LogType::Tail).send().await;
    let answer = answer.expect("it succeeds");
    assert_eq!(answer.payload().expect("a payload").as_ref(), br#"{"a": 1}"#);
    assert_eq!((answer.status_code(), answer.executed_version()), (200, Some("$LATEST")));
    assert!(answer.log_result().is_some());

    let failed = invoke("echo", r#"{"do": "fail"}"#).send().await.expect("an answer");
    assert_eq!(failed.function_error(), Some("Unhandled"));
    let taken = invoke("echo", "{}").invocation_type(InvocationType::Event).send().await;
    assert_eq!(taken.expect("it is taken").status_code(), 202);

    let refused = invoke("closed", "{}").send().await.expect_err("it is closed");
    let throttled = refused.into_service_error();
    let reason = match &throttled {
        aws_sdk_lambda::operation::invoke::InvokeError::TooManyRequestsException(why) => why.reason(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, Some(&ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded));
    let unknown = invoke("none", "{}").send().await.expect_err("there is none");
    assert!(unknown.into_service_error().is_resource_not_found_exception());

    let mut names = Vec::new();
    let mut pages = client.list_functions().into_paginator().page_size(1).send();
    while let Some(page) = pages.next().await {
        let page = page.expect("a page");
        names.extend(page.functions().iter().filter_map(|f| f.function_name().map(str::to_owned)));
    }
    assert_eq!(names, ["closed", "echo", "other"]);
    let function = client.get_function().function_name("echo").send().await.expect("it is there");
    assert_eq!(function.configuration().and_then(|it| it.memory_size()), Some(256));
}
