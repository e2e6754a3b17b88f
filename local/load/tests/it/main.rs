//! Runs against servers that answer, refuse, fall silent or go away.

#![expect(clippy::unwrap_used, reason = "what goes wrong here is a failed test")]

mod run;
mod server;
