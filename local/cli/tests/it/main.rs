//! The `millrace` binary as a person or a script calls it, and the stack that it assembles; no
//! function of ours runs here.

mod assembly;
mod faults;
mod function;
mod lifecycle;
mod messages;
mod project;
mod reload;
mod templates;
