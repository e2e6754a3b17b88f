#![doc = include_str!("../README.md")]

pub mod limits;

mod coordinates;
mod envelope;
mod key_ring;
mod receipt;

pub use crate::{
    coordinates::{Coordinates, CoordinatesError, OFFSET_MAX, PARTITION_MAX, Stream},
    envelope::{Envelope, EnvelopeError, checked, header},
    key_ring::{KeyRing, KeyRingError},
    receipt::{Receipt, ReceiptTextError, StreamKeys},
};
