//! The protocol on a table in memory, under faults, and on a real DynamoDB API.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it like the test itself")]

mod attempts;
mod dynamodb;
mod model;
mod same_rules;
mod slices;
mod statuses;
mod support;
