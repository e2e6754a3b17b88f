//! The table as its clients see it: the AWS SDK over HTTP.

mod operations;
mod start;
mod support;
