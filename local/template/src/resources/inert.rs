//! Which resources have no effect here: who may do what, where it runs, who watches it.

/// Whole services.
const SERVICES: [&str; 9] = [
    "AWS::ApplicationAutoScaling::",
    "AWS::Budgets::",
    "AWS::CloudWatch::",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::Logs::",
    "AWS::ResourceGroups::",
    "AWS::SecretsManager::",
    "AWS::XRay::",
];

/// EC2's networks; its machines are not among them.
const NETWORKS: [&str; 17] = [
    "CustomerGateway",
    "DHCPOptions",
    "EIP",
    "EgressOnlyInternetGateway",
    "FlowLog",
    "InternetGateway",
    "NatGateway",
    "NetworkAcl",
    "NetworkInterface",
    "PrefixList",
    "Route",
    "SecurityGroup",
    "Subnet",
    "TransitGateway",
    "VPC",
    "VPNConnection",
    "VPNGateway",
];

const TYPES: [&str; 22] = [
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::Lambda::Alias",
    "AWS::Lambda::CapacityProvider",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::LayerVersionPermission",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::MSK::BatchScramSecret",
    "AWS::MSK::Cluster",
    "AWS::MSK::ClusterPolicy",
    "AWS::MSK::Configuration",
    "AWS::MSK::ServerlessCluster",
    "AWS::MSK::VpcConnection",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
    "AWS::Serverless::CapacityProvider",
    "AWS::Serverless::Connector",
    "AWS::Serverless::LayerVersion",
];

pub(super) fn is_inert(kind: &str) -> bool {
    let network = kind.strip_prefix("AWS::EC2::");
    TYPES.contains(&kind)
        || SERVICES.iter().any(|service| kind.starts_with(service))
        || network.is_some_and(|name| NETWORKS.iter().any(|prefix| name.starts_with(prefix)))
}

/// What to know about a resource that is inert and yet holds something.
pub(super) fn note(kind: &str) -> Option<&'static str> {
    match kind {
        "AWS::SecretsManager::Secret" => {
            Some("secrets are not stored here: a function that reads this one will not find it")
        }
        "AWS::S3::Bucket" | "AWS::SNS::Topic" | "AWS::SQS::Queue" => Some(
            "does not run here, and stands for a folder where it is an on-failure destination: a \
             function that uses it will not find it",
        ),
        "AWS::SSM::Parameter" => Some(
            "Parameter Store is not simulated: a function that reads this one will not find it",
        ),
        _ => None,
    }
}
