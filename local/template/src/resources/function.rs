//! `AWS::Serverless::Function` and `AWS::Lambda::Function`.
//! Its events are read elsewhere: a function does not know who calls it.

use std::time::Duration;

use super::{Context, Resource, code, environment, event_invoke, logging};
use crate::{
    place::{Fields, Place},
    plan::Function,
};

/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const TIMEOUT_S_MAX: u32 = 900;
const MEMORY_MB_MAX: u32 = 10_240;

/// The same for functions on Lambda Managed Instances.
const MANAGED_TIMEOUT_S_MAX: u32 = 5_400;
const MANAGED_MEMORY_MB_MAX: u32 = 32_768;

/// `PerExecutionEnvironmentMaxConcurrency` ends here.
const ENVIRONMENT_CONCURRENCY_MAX: u32 = 1_600;

/// What it is unless given: that of Rust for each vCPU, and an environment has at least one.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-rust.html>
const ENVIRONMENT_CONCURRENCY: u32 = 8;

/// `MaxExecutionEnvironments` ends here.
const ENVIRONMENTS_MAX: u32 = 15_000;

const NAME_CHARACTERS_MAX: usize = 64;

/// Properties that are accepted and have no effect here.
const INERT: [&str; 25] = [
    "Architectures",
    "AssumeRolePolicyDocument",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CodeSigningConfigArn",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "KmsKeyArn",
    "PermissionsBoundary",
    "Policies",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "PublishToLatestPublished",
    "RecursiveLoop",
    "Role",
    "RolePath",
    "RuntimeManagementConfig",
    "SnapStart",
    "SourceKMSKeyArn",
    "Tags",
    "Tracing",
    "TracingConfig",
    "VersionDeletionPolicy",
    "VersionDescription",
];

/// Reads everything but the events. What is wrong is reported and replaced by its default.
pub(super) fn read(
    resource: &Resource<'_>,
    fields: &Fields<'_>,
    context: &Context<'_>,
) -> Function {
    let name = fields.optional("FunctionName").and_then(|place| name(&place));
    let name = name.unwrap_or_else(|| resource.logical_id.to_owned());
    let managed = fields.optional("CapacityProviderConfig");
    let environments_max = fields.optional("FunctionScalingConfig").and_then(|place| {
        if managed.is_none() {
            place.problem("only a function with `CapacityProviderConfig` scales by it");
        }
        environments_max(&place)
    });
    if let Some(place) = fields.optional("VpcConfig").filter(|_| managed.is_some()) {
        place.problem("Cannot specify 'CapacityProviderConfig' and 'VpcConfig' together.");
    }
    let (timeout_s_max, memory_mb_max) = match managed {
        Some(_) => (MANAGED_TIMEOUT_S_MAX, MANAGED_MEMORY_MB_MAX),
        None => (TIMEOUT_S_MAX, MEMORY_MB_MAX),
    };
    let count = |key, range| fields.optional(key).and_then(|place| place.count(range));
    let code = code::read(resource, fields, context);
    let function = Function {
        logical_id: resource.logical_id.to_owned(),
        code,
        handler: fields.required("Handler").and_then(|p| p.text()).unwrap_or_default().to_owned(),
        timeout: Duration::from_secs(count("Timeout", 1..=timeout_s_max).unwrap_or(3).into()),
        memory_mb: count("MemorySize", 128..=memory_mb_max).unwrap_or(128),
        environment: environment::read(resource.logical_id, &name, fields, context),
        reserved_concurrency: count("ReservedConcurrentExecutions", 0..=u32::MAX),
        logging: logging::read(fields),
        events: event_invoke::read(fields),
        alias: fields.optional("AutoPublishAlias").and_then(|p| p.text()).map(str::to_owned),
        environment_concurrency: managed.as_ref().map_or(1, environment_concurrency),
        environments_max,
        name,
    };
    fields.inert(&INERT);
    refuse(fields);
    function
}

fn name(place: &Place<'_>) -> Option<String> {
    let name = place.text()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > NAME_CHARACTERS_MAX || !name.bytes().all(allowed) {
        place.problem(format!(
            "`{name}` is not a function's name: up to {NAME_CHARACTERS_MAX} letters, digits, `-` and `_`"
        ));
        return None;
    }
    Some(name.to_owned())
}

/// How many invocations an environment of Managed Instances takes at a time. SAM's form has the setting
/// at the top, CloudFormation's one level deeper.
fn environment_concurrency(place: &Place<'_>) -> u32 {
    let Some(fields) = place.fields() else { return ENVIRONMENT_CONCURRENCY };
    if let Some(inner) = fields.optional("LambdaManagedInstancesCapacityProviderConfig") {
        fields.finish();
        return environment_concurrency(&inner);
    }
    let setting = fields.optional("PerExecutionEnvironmentMaxConcurrency");
    fields.inert(&["Arn", "CapacityProviderArn", "ExecutionEnvironmentMemoryGiBPerVCpu"]);
    fields.finish();
    let given = setting.and_then(|place| place.count(1..=ENVIRONMENT_CONCURRENCY_MAX));
    given.unwrap_or(ENVIRONMENT_CONCURRENCY)
}

fn environments_max(place: &Place<'_>) -> Option<u32> {
    let fields = place.fields()?;
    let setting = fields.optional("MaxExecutionEnvironments");
    fields.inert(&["MinExecutionEnvironments"]);
    fields.finish();
    setting?.count(0..=ENVIRONMENTS_MAX)
}

/// Properties that would change what happens, and do not here.
fn refuse(fields: &Fields<'_>) {
    if let Some(place) = fields.optional("PackageType")
        && place.text().is_some_and(|kind| kind != "Zip")
    {
        place.problem("container images are not run here, only `PackageType: Zip`");
    }
    fields.refuse(&["ImageUri", "ImageConfig"], "container images are not run here");
    fields.refuse(&["InlineCode"], "inline code is not run here");
    fields.refuse(&["Layers"], "layers are not laid under a function here");
    fields.refuse(
        &["DurableConfig", "FileSystemConfigs", "FunctionUrlConfig", "TenancyConfig"],
        "is not simulated",
    );
    for key in ["DeadLetterConfig", "DeadLetterQueue"] {
        if let Some(place) = fields.optional(key) {
            place.warning(format!("`{key}` has no effect here"));
        }
    }
}
