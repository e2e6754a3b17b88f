//! Who was in a group with what assignment, in bytes that outlive the process: after a restart its
//! members go on as if nothing had happened, as they do on a real Kafka.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};

use crate::groups::member::Profile;
use crate::groups::offsets::{put_text, text};

/// The layout of the bytes; those of another layout are ignored.
const VERSION: u8 = 1;

/// A group in which everybody has an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roster {
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    pub(crate) members: Vec<RosterMember>,
}

/// One member of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RosterMember {
    pub(crate) id: String,
    pub(crate) profile: Profile,
    pub(crate) assignment: Bytes,
}

impl Roster {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut into = vec![VERSION];
        into.put_i32(self.generation);
        put_text(&mut into, &self.protocol_type);
        put_text(&mut into, &self.protocol);
        put_text(&mut into, &self.leader);
        put_count(&mut into, self.members.len());
        for RosterMember { id, profile, assignment } in &self.members {
            put_text(&mut into, id);
            put_text(&mut into, &profile.client_id);
            put_text(&mut into, &profile.client_host);
            put_duration(&mut into, profile.session_timeout);
            put_duration(&mut into, profile.rebalance_timeout);
            put_count(&mut into, profile.protocols.len());
            for (name, metadata) in &profile.protocols {
                put_text(&mut into, name);
                put_bytes(&mut into, metadata);
            }
            put_bytes(&mut into, assignment);
        }
        into
    }

    /// Reads what [`Self::encode`] wrote; `None` where it is something else.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let from = &mut bytes;
        if from.try_get_u8().ok()? != VERSION {
            return None;
        }
        let generation = from.try_get_i32().ok()?;
        let (protocol_type, protocol, leader) = (text(from)?, text(from)?, text(from)?);
        let mut members = Vec::new();
        for _ in 0..from.try_get_u32().ok()? {
            members.push(member(from, &protocol_type)?);
        }
        from.is_empty().then_some(Self { generation, protocol_type, protocol, leader, members })
    }
}

fn member(from: &mut &[u8], protocol_type: &str) -> Option<RosterMember> {
    let (id, client_id, client_host) = (text(from)?, text(from)?, text(from)?);
    let (session_timeout, rebalance_timeout) = (duration(from)?, duration(from)?);
    let mut protocols = Vec::new();
    for _ in 0..from.try_get_u32().ok()? {
        protocols.push((text(from)?, blob(from)?));
    }
    let protocol_type = protocol_type.to_owned();
    let profile = Profile {
        client_id,
        client_host,
        session_timeout,
        rebalance_timeout,
        protocol_type,
        protocols,
    };
    Some(RosterMember { id, profile, assignment: blob(from)? })
}

fn put_count(into: &mut Vec<u8>, count: usize) {
    into.put_u32(u32::try_from(count).expect("groups and requests are far smaller"));
}

fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    put_count(into, bytes.len());
    into.put_slice(bytes);
}

fn put_duration(into: &mut Vec<u8>, duration: Duration) {
    into.put_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
}

fn blob(from: &mut &[u8]) -> Option<Bytes> {
    let length = usize::try_from(from.try_get_u32().ok()?).ok()?;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(Bytes::copy_from_slice(bytes))
}

fn duration(from: &mut &[u8]) -> Option<Duration> {
    from.try_get_u64().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_is_read_back_whole_or_not_at_all() {
        let profile = Profile {
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout: Duration::from_secs(10),
            rebalance_timeout: Duration::from_mins(5),
            protocol_type: "consumer".to_owned(),
            protocols: vec![("range".to_owned(), Bytes::from_static(b"topics"))],
        };
        let member = |id: &str| RosterMember {
            id: id.to_owned(),
            profile: profile.clone(),
            assignment: Bytes::from_static(b"partitions"),
        };
        let roster = Roster {
            generation: 7,
            protocol_type: "consumer".to_owned(),
            protocol: "range".to_owned(),
            leader: "a".to_owned(),
            members: vec![member("a"), member("b")],
        };
        let bytes = roster.encode();
        assert_eq!(Roster::decode(&bytes), Some(roster));
        for length in 0..bytes.len() {
            assert_eq!(Roster::decode(&bytes[..length]), None, "{length} bytes kept");
        }
    }
}
