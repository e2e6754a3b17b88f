//! API Gateway's HTTP API on a local port: a request becomes a payload 2.0 event, the function's
//! response becomes the answer.
//!
//! It knows routes, limits and the error bodies AWS uses; it does not know where functions run (it
//! asks an [`invoke::Invoke`]) nor where its configuration comes from.
//!
//! The pure pieces are [`route`] (which function answers), [`event`] (what it is given), [`answer`]
//! (what its response means), [`cors`] and [`refusal`] (what the gateway says itself); [`service`]
//! puts them in order for one request and [`server`] owns the sockets.
//!
//! # Several APIs on one port
//!
//! On AWS every API has a domain of its own. Here all APIs share the port: their routes are put
//! together, and two routes that would answer the same requests are an error from
//! [`Gateway::start`]. An API with a named stage is served below `/<stage>`, as on AWS.
//!
//! # Choices where AWS is not documented
//!
//! - A throttled invocation is answered with 503; reports of AWS's answer differ between 500 and 503.
//! - A form (`application/x-www-form-urlencoded`) arrives base64 encoded; reports differ.
//! - The `cookie` header is moved to `cookies`, it does not also stay in `headers`.
//! - `%2F` in a path segment belongs to the segment; `rawPath` shows it decoded.

mod answer;
mod config;
mod cors;
mod event;
mod limits;
mod refusal;
mod route;
mod server;
mod service;

pub use crate::config::{ApiConfig, CorsConfig, RouteConfig};
pub use crate::cors::CorsError;
pub use crate::route::RouteError;
pub use crate::server::{Gateway, GatewayStartError};
