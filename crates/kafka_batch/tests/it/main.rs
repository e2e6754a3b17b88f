//! The event and the answers as a function sees them.

mod answers;
mod documented_events;
mod properties;
mod refusals;
