#![doc = include_str!("../README.md")]

mod archive;
mod checksum;
mod chunk;
mod connect;
mod edge;
mod fence;
mod keys;
mod ledger;
mod offsets;
mod plan;
mod reader;
pub mod store;

pub use crate::{
    archive::{ArchiveError, ArchivedRecord, BlockName, BlockPart, Kept},
    checksum::checksum,
    chunk::{Chunk, Fate},
    connect::{Connection, connect},
    edge::Edge,
    fence::{Advance, Attempt, Fence},
    keys::{Consumer, PartitionKey},
    ledger::{
        ApplyError, Counts, Entry, History, Judged, Ledger, Limits, Policy, Position, Process,
        ReadError, Report, Status, Stop, Verdict,
    },
    offsets::Offsets,
    plan::{PlanError, RECORDS_MAX, SPAN_MAX},
    reader::{StatusTable, Statuses},
};
