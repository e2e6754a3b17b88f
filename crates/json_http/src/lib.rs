//! JSON over HTTP: what requests must be, and how answers look. Knows no route and no event.

mod answer;
mod request;
mod wait;

pub use crate::{
    answer::{Failure, RETRY_AFTER_SECONDS, Retry, failed, json},
    request::{RequestError, content_type, not_json, sized, text},
    wait::{WAIT_MAX, deadline},
};
