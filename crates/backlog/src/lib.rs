//! What a topic holds, and how much of it a consumer has not reached. Commits nothing and joins no group.

mod lag;
mod topic;

pub use crate::{
    lag::{TableError, in_time, lag},
    topic::{Backlog, BacklogError, Span, Topic},
};
