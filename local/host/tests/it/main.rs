//! The host with real processes: functions on the real `lambda_runtime`, invoked over HTTP and from
//! the same process.

mod concurrency;
mod invoke_api;
mod life;
mod output;
mod runtime_api;
mod support;
