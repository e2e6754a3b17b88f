//! How large the parts of an event may be, and why.

/// What a broker accepts as one batch when nobody changed it: Kafka's `message.max.bytes`.
pub const KAFKA_BATCH_BYTES_MAX: usize = 1_048_588;

/// The longest body, in bytes.
///
/// A batch of one event must fit [`KAFKA_BATCH_BYTES_MAX`] with its key, its headers and Kafka's own framing.
/// A round figure that leaves 48,588 bytes for those is easier to keep to than the last byte.
pub const BODY_BYTES_MAX: usize = 1_000_000;

/// The longest partition key, in bytes. A key names a user or an item; a longer one is a mistake.
pub const KEY_BYTES_MAX: usize = 4_096;

/// The longest `ce_id`, in bytes. Three times a UUID, so that callers can prefix theirs.
pub const ID_BYTES_MAX: usize = 128;

/// The longest `ce_source`, in bytes. It is a URI reference, and those of real services are shorter.
pub const SOURCE_BYTES_MAX: usize = 512;

/// The longest `ce_type`, in bytes. A dotted name.
pub const TYPE_BYTES_MAX: usize = 256;

/// The longest `ce_subject`, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 512;

/// The longest `ce_time`, in bytes. RFC 3339 with nanoseconds and an offset takes 35.
pub const TIME_BYTES_MAX: usize = 64;

/// The longest `content-type`, in bytes.
pub const CONTENT_TYPE_BYTES_MAX: usize = 256;

/// The longest `traceparent`, in bytes. Version 00 takes exactly 55; later versions may append fields
/// (W3C Trace Context, section 3.2).
pub const TRACEPARENT_BYTES_MAX: usize = 128;

/// The longest id of a receipt key, in bytes. It travels in every record, so it is kept short.
pub const KEY_ID_BYTES_MAX: usize = 16;

/// How many keys a ring may hold: the one that mints, and predecessors whose receipts are still asked for.
/// Each further key doubles the chance that a forged receipt opens; four of them keep it at 2^-40.
pub const RING_KEYS_MAX: usize = 4;

/// The shortest secret of a key, in bytes: as strong as the AES-128 key that is derived from it.
pub const SECRET_BYTES_MIN: usize = 16;

/// The longest secret of a key, in bytes. More than SHA-256 takes in one block adds nothing.
pub const SECRET_BYTES_MAX: usize = 64;

// The largest event there can be fits a broker's default. Kafka's framing of a batch and of one record takes
// 61 bytes and at most 30, a header at most 10 beside its name and value; 1,024 covers ten headers with names.
const _: () = assert!(
    BODY_BYTES_MAX
        + KEY_BYTES_MAX
        + ID_BYTES_MAX
        + SOURCE_BYTES_MAX
        + TYPE_BYTES_MAX
        + SUBJECT_BYTES_MAX
        + TIME_BYTES_MAX
        + CONTENT_TYPE_BYTES_MAX
        + TRACEPARENT_BYTES_MAX
        + KEY_ID_BYTES_MAX
        + 1_024
        <= KAFKA_BATCH_BYTES_MAX
);
