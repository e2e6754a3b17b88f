//! The table as its clients see it: the AWS SDK over HTTP.

mod operations;
mod slow;
mod start;
mod support;
