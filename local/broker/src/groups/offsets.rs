//! Committed offsets and rosters in memory, and the entries by which their log tells every change.
//!
//! Pure: where the entries are kept is [`super::offsets_file`]'s business.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut};

/// `offset.metadata.max.bytes`, which despite its name counts a Java string's UTF-16 units.
pub(crate) const METADATA_LENGTH_MAX: usize = 4_096;

/// What a group committed for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    /// -1 where the client named none.
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopicPartition {
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

/// One change to what is kept of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Commit {
        group: String,
        at: TopicPartition,
        committed: Committed,
    },
    Forget {
        group: String,
        at: TopicPartition,
    },
    ForgetGroup {
        group: String,
    },
    ForgetTopic {
        topic: String,
    },
    /// Everybody in a group has an assignment: who, as `Roster` writes it.
    Roster {
        group: String,
        roster: Vec<u8>,
    },
    /// A group has no members any more.
    Disband {
        group: String,
    },
}

/// The committed offsets of all groups, and the rosters of those that have members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    groups: BTreeMap<String, BTreeMap<TopicPartition, Committed>>,
    rosters: BTreeMap<String, Vec<u8>>,
}

impl Offsets {
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Commit { group, at, committed } => {
                self.groups.entry(group).or_default().insert(at, committed);
            }
            Change::Forget { group, at } => {
                if let Some(offsets) = self.groups.get_mut(&group) {
                    offsets.remove(&at);
                    if offsets.is_empty() {
                        self.groups.remove(&group);
                    }
                }
            }
            Change::ForgetGroup { group } => {
                self.groups.remove(&group);
                self.rosters.remove(&group);
            }
            Change::Roster { group, roster } => {
                self.rosters.insert(group, roster);
            }
            Change::Disband { group } => {
                self.rosters.remove(&group);
            }
            Change::ForgetTopic { topic } => {
                self.groups.retain(|_, offsets| {
                    offsets.retain(|at, _| at.topic != topic);
                    !offsets.is_empty()
                });
            }
        }
    }

    pub(crate) fn of_group(&self, group: &str) -> Option<&BTreeMap<TopicPartition, Committed>> {
        self.groups.get(group)
    }

    /// The groups that have offsets.
    pub(crate) fn groups(&self) -> impl ExactSizeIterator<Item = &String> {
        self.groups.keys()
    }

    pub(crate) fn rosters(&self) -> impl Iterator<Item = (&String, &[u8])> {
        self.rosters.iter().map(|(group, roster)| (group, roster.as_slice()))
    }

    pub(crate) fn forget_rosters(&mut self) {
        self.rosters.clear();
    }

    pub(crate) fn has_roster(&self, group: &str) -> bool {
        self.rosters.contains_key(group)
    }

    /// The changes that make all this from nothing.
    pub(crate) fn snapshot(&self) -> impl Iterator<Item = Change> {
        let rosters = self
            .rosters
            .iter()
            .map(|(group, roster)| Change::Roster { group: group.clone(), roster: roster.clone() });
        let commits = self.groups.iter().flat_map(|(group, offsets)| {
            offsets.iter().map(|(at, committed)| Change::Commit {
                group: group.clone(),
                at: at.clone(),
                committed: committed.clone(),
            })
        });
        commits.chain(rosters)
    }
}

const COMMIT: u8 = 1;
const FORGET: u8 = 2;
const FORGET_GROUP: u8 = 3;
const FORGET_TOPIC: u8 = 4;
const ROSTER: u8 = 5;
const DISBAND: u8 = 6;

impl Change {
    /// Appends the change's body: a kind, then its fields, all big-endian, texts with their length.
    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        match self {
            Self::Commit { group, at, committed } => {
                into.put_u8(COMMIT);
                put_text(into, group);
                put_text(into, &at.topic);
                into.put_i32(at.partition);
                into.put_i64(committed.offset);
                into.put_i32(committed.leader_epoch);
                put_text(into, &committed.metadata);
            }
            Self::Forget { group, at } => {
                into.put_u8(FORGET);
                put_text(into, group);
                put_text(into, &at.topic);
                into.put_i32(at.partition);
            }
            Self::ForgetGroup { group } => {
                into.put_u8(FORGET_GROUP);
                put_text(into, group);
            }
            Self::ForgetTopic { topic } => {
                into.put_u8(FORGET_TOPIC);
                put_text(into, topic);
            }
            Self::Roster { group, roster } => {
                into.put_u8(ROSTER);
                put_text(into, group);
                into.put_slice(roster);
            }
            Self::Disband { group } => {
                into.put_u8(DISBAND);
                put_text(into, group);
            }
        }
    }

    /// Reads what [`Self::encode`] wrote; `None` where it is something else.
    pub(crate) fn decode(mut body: &[u8]) -> Option<Self> {
        let from = &mut body;
        Some(match from.try_get_u8().ok()? {
            COMMIT => Self::Commit {
                group: text(from)?,
                at: TopicPartition { topic: text(from)?, partition: from.try_get_i32().ok()? },
                committed: Committed {
                    offset: from.try_get_i64().ok()?,
                    leader_epoch: from.try_get_i32().ok()?,
                    metadata: text(from)?,
                },
            },
            FORGET => Self::Forget {
                group: text(from)?,
                at: TopicPartition { topic: text(from)?, partition: from.try_get_i32().ok()? },
            },
            FORGET_GROUP => Self::ForgetGroup { group: text(from)? },
            FORGET_TOPIC => Self::ForgetTopic { topic: text(from)? },
            ROSTER => Self::Roster { group: text(from)?, roster: from.to_vec() },
            DISBAND => Self::Disband { group: text(from)? },
            _ => return None,
        })
    }
}

pub(super) fn put_text(into: &mut Vec<u8>, text: &str) {
    let length =
        u32::try_from(text.len()).expect("texts come from requests, which are far smaller");
    into.put_u32(length);
    into.put_slice(text.as_bytes());
}

pub(super) fn text(from: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(from.try_get_u32().ok()?).ok()?;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changes() -> impl Strategy<Value = Change> {
        let at =
            ("[a-c]", 0..3_i32).prop_map(|(topic, partition)| TopicPartition { topic, partition });
        let committed =
            (any::<i64>(), any::<i32>(), ".{0,20}").prop_map(|(offset, leader_epoch, metadata)| {
                Committed { offset, leader_epoch, metadata }
            });
        prop_oneof![
            ("[g-i]", at.clone(), committed).prop_map(|(group, at, committed)| Change::Commit {
                group,
                at,
                committed
            }),
            ("[g-i]", at).prop_map(|(group, at)| Change::Forget { group, at }),
            "[g-i]".prop_map(|group| Change::ForgetGroup { group }),
            "[a-c]".prop_map(|topic| Change::ForgetTopic { topic }),
            ("[g-i]", prop::collection::vec(any::<u8>(), 0..9))
                .prop_map(|(group, roster)| Change::Roster { group, roster }),
            "[g-i]".prop_map(|group| Change::Disband { group }),
        ]
    }

    proptest! {
        #[test]
        fn changes_are_read_back_as_written(change in changes()) {
            let mut body = Vec::new();
            change.encode(&mut body);
            prop_assert_eq!(Change::decode(&body), Some(change));
        }

        #[test]
        fn a_snapshot_makes_the_same_offsets(history in prop::collection::vec(changes(), 0..40)) {
            let mut offsets = Offsets::default();
            for change in history {
                offsets.apply(change);
            }
            let mut copy = Offsets::default();
            offsets.snapshot().for_each(|change| copy.apply(change));
            prop_assert_eq!(copy, offsets);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let _change = Change::decode(&body);
        }
    }
}
