//! How many pollers a mapping may have.
//! <https://docs.aws.amazon.com/lambda/latest/dg/kafka-scaling-modes.html>

use std::collections::BTreeMap;

use crate::{
    place::{Fields, Place},
    plan::Pollers,
};

use super::{DeclaredMapping, failures::Choices};

const LEAST_MAX: u32 = 200;
const MOST_MAX: u32 = 2_000;
const LEAST_DEFAULT: u32 = 1;
const MOST_DEFAULT: u32 = 200;

const GROUP_CHARACTERS_MAX: usize = 128;
const GROUP_MAPPINGS_MAX: usize = 100;
const GROUP_POLLERS_MAX: u32 = 2_000;

/// The pollers, and whether they are provisioned; without any setting inside
/// `ProvisionedPollerConfig` the mapping is back on demand.
pub(super) fn read(fields: &Fields<'_>, choices: Choices) -> (Pollers, bool) {
    let on_demand = Pollers { limited: choices.poller_limits, ..Pollers::default() };
    let config = fields.optional("ProvisionedPollerConfig").and_then(|place| place.fields());
    let Some(config) = config else { return (on_demand, false) };
    let minimum = config.optional("MinimumPollers");
    let maximum = config.optional("MaximumPollers");
    let group = config.optional("PollerGroupName");
    config.finish();
    if minimum.is_none() && maximum.is_none() && group.is_none() {
        return (on_demand, false);
    }
    let least = minimum.and_then(|place| place.count(1..=LEAST_MAX)).unwrap_or(LEAST_DEFAULT);
    let most = maximum.as_ref().and_then(|place| place.count(1..=MOST_MAX));
    let most = most.unwrap_or(MOST_DEFAULT);
    if let Some(place) = maximum.filter(|_| most < least) {
        place.problem(format!("must not be below `MinimumPollers`, {least}"));
    }
    let group = group.and_then(|place| self::group(&place));
    (Pollers { least, most, group, ..on_demand }, true)
}

/// An empty name leaves the group.
fn group(place: &Place<'_>) -> Option<String> {
    let text = place.text()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if text.len() > GROUP_CHARACTERS_MAX || !text.bytes().all(allowed) {
        place.problem(format!(
            "`{text}` is not a poller group's name: at most {GROUP_CHARACTERS_MAX} letters, digits, \
             `-` and `_`"
        ));
        return None;
    }
    (!text.is_empty()).then(|| text.to_owned())
}

/// What the mappings of one group may have together.
pub(super) fn check_groups(declared: &[DeclaredMapping<'_>]) {
    let mut groups: BTreeMap<&str, (usize, u32)> = BTreeMap::new();
    for DeclaredMapping { place, mapping } in declared {
        let Some(group) = &mapping.pollers.group else { continue };
        let (mappings, pollers) = groups.entry(group).or_default();
        *mappings += 1;
        *pollers += mapping.pollers.most;
        if *mappings > GROUP_MAPPINGS_MAX {
            place.problem(format!(
                "the poller group `{group}` has more than {GROUP_MAPPINGS_MAX} mappings"
            ));
        }
        if *pollers > GROUP_POLLERS_MAX {
            place.problem(format!(
                "the poller group `{group}` has a `MaximumPollers` of {pollers} together, AWS allows \
                 {GROUP_POLLERS_MAX}"
            ));
        }
    }
}
