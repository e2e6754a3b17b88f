//! `EventInvokeConfig`: what becomes of a function's asynchronous invocations.
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventinvokeconfiguration.html>

use std::time::Duration;

use crate::{
    place::{Fields, Place},
    plan::{EventInvoke, Function},
};

/// Reads it. What cannot be told locally is said, for nothing would come of it.
pub(super) fn read(fields: &Fields<'_>) -> EventInvoke {
    let Some(place) = fields.optional("EventInvokeConfig") else { return EventInvoke::default() };
    let Some(fields) = place.fields() else { return EventInvoke::default() };
    let count = |key, range| fields.optional(key).and_then(|place| place.count(range));
    let retries_max = count("MaximumRetryAttempts", 0..=2);
    let age_s = count("MaximumEventAgeInSeconds", 60..=21_600);
    let mut events = EventInvoke {
        retries_max: retries_max.and_then(|retries| u8::try_from(retries).ok()),
        age_max: age_s.map(|seconds| Duration::from_secs(seconds.into())),
        ..EventInvoke::default()
    };
    if let Some(config) = fields.optional("DestinationConfig").and_then(|place| place.fields()) {
        events.on_failure = config.optional("OnFailure").and_then(|place| destination(&place));
        events.on_success = config.optional("OnSuccess").and_then(|place| destination(&place));
        config.finish();
    }
    fields.finish();
    events
}

/// The name of the function that is told.
fn destination(place: &Place<'_>) -> Option<String> {
    let fields = place.fields()?;
    let kind = fields.optional("Type").and_then(|place| place.text());
    let target = fields.optional("Destination");
    fields.finish();
    let arn = target.as_ref().filter(|_| kind.is_none_or(|kind| kind == "Lambda"));
    // A queue's ARN is not known here.
    let name = arn.and_then(|place| place.node().as_text()).and_then(function_of);
    if name.is_none() {
        place.warning("only functions of this template are told of events here");
    }
    name
}

/// The function's name in its ARN, whatever qualifier follows.
fn function_of(arn: &str) -> Option<String> {
    let (_, name) = arn.split_once(":function:")?;
    Some(name.split(':').next().unwrap_or(name).to_owned())
}

/// Warns of destinations that are no function of the template.
pub(super) fn report_strangers(functions: &mut [Function], warn: impl Fn(String)) {
    let names: Vec<_> = functions.iter().map(|function| function.name.clone()).collect();
    for function in functions {
        let (events, name) = (&mut function.events, &function.name);
        for destination in [&mut events.on_failure, &mut events.on_success] {
            if let Some(stranger) = destination.take_if(|wanted| !names.contains(wanted)) {
                warn(format!(
                    "`{name}` tells of its events `{stranger}`, which is no function here"
                ));
            }
        }
    }
}
