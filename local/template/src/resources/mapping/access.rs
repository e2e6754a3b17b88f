//! `SourceAccessConfigurations`: how a mapping gets at its cluster. Which secret is meant, not what is
//! in it.

use crate::{
    node::Node,
    place::{Fields, Place},
    plan::{AccessKind, Source, SourceAccess},
};

/// How MSK can be approached, besides IAM and nothing.
const MSK: [&str; 2] = ["CLIENT_CERTIFICATE_TLS_AUTH", "SASL_SCRAM_512_AUTH"];

/// How Kafka elsewhere can be approached.
const SELF_MANAGED: [&str; 12] = [
    "BASIC_AUTH",
    "CLIENT_CERTIFICATE_TLS_AUTH",
    "IAM_AUTH",
    "IAM_OAUTHBEARER_AUTH",
    "OAUTHBEARER_AUDIENCE",
    "OAUTHBEARER_AUTH",
    "OAUTHBEARER_IDENTITY_POOL",
    "OAUTHBEARER_LOGICAL_CLUSTER",
    "OAUTHBEARER_SCOPE",
    "SASL_SCRAM_256_AUTH",
    "SASL_SCRAM_512_AUTH",
    "SERVER_ROOT_CA_CERTIFICATE",
];

/// Where the pollers stand: nothing here.
const NETWORK: [&str; 2] = ["VPC_SECURITY_GROUP", "VPC_SUBNET"];

pub(super) fn read(fields: &Fields<'_>, source: Option<&Source>) -> Vec<SourceAccess> {
    let Some(place) = fields.optional("SourceAccessConfigurations") else { return Vec::new() };
    let (cluster, known) = match source {
        None => return Vec::new(),
        Some(Source::Msk { .. }) => ("MSK", MSK.as_slice()),
        Some(Source::SelfManaged { .. }) => ("self-managed Kafka", SELF_MANAGED.as_slice()),
    };
    let items = place.items().unwrap_or_default();
    let read: Vec<_> = items.iter().filter_map(|item| one(item, cluster, known)).collect();
    let proofs = read.iter().filter(|access| access.kind != AccessKind::RootCertificate);
    if proofs.count() > 1 {
        place.problem("must have one way to authenticate at most");
    }
    read
}

fn one(place: &Place<'_>, cluster: &str, known: &[&str]) -> Option<SourceAccess> {
    let fields = place.fields()?;
    let kind = fields.required("Type");
    let uri = fields.optional("URI");
    fields.finish();
    let kind = kind?;
    let name = kind.text()?;
    if !known.contains(&name) {
        if !NETWORK.contains(&name) {
            let known = known.join(" or ");
            kind.problem(format!("must be {known} for {cluster}, not `{name}`"));
        }
        return None;
    }
    let Some(access) = AccessKind::named(name) else {
        kind.warning(format!("{name} is not simulated: the mapping reads without it"));
        return None;
    };
    // What only AWS knows is asked for where the secret is needed.
    let secret = uri.as_ref().map(Place::node).and_then(Node::as_text).map(str::to_owned);
    Some(SourceAccess { kind: access, secret, line: kind.position().line })
}
