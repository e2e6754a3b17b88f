//! The secrets receipts are made with, and their rotation. No secret leaves this module except as a derived key.

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::{
    Stream, StreamKeys,
    limits::{KEY_ID_BYTES_MAX, RING_KEYS_MAX, SECRET_BYTES_MAX, SECRET_BYTES_MIN},
    receipt::StreamKey,
};

/// Separates these keys from any other use of the same secret.
const SALT: &[u8] = b"millrace receipt v1";

/// `openssl rand -base64 32` pads, other tools do not: both are taken.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Up to [`RING_KEYS_MAX`] keys: the first mints receipts, all of them open receipts.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: String,
    secret: Vec<u8>,
}

impl KeyRing {
    /// Reads `id:secret,id:secret`: ids of 1 to [`KEY_ID_BYTES_MAX`] letters, digits, `-` and `_`; secrets of
    /// [`SECRET_BYTES_MIN`] to [`SECRET_BYTES_MAX`] bytes in standard base64.
    ///
    /// To rotate, put a new key in front; drop the last one when nobody asks for its receipts any more.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let mut keys: Vec<Key> = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let key = parse_key(entry.trim(), index + 1)?;
            if keys.iter().any(|earlier| earlier.id == key.id) {
                return Err(KeyRingError::RepeatedId { id: key.id });
            }
            if let Some(earlier) = keys.iter().find(|earlier| earlier.secret == key.secret) {
                return Err(KeyRingError::RepeatedSecret {
                    id: key.id,
                    earlier: earlier.id.clone(),
                });
            }
            keys.push(key);
        }
        if keys.len() > RING_KEYS_MAX {
            return Err(KeyRingError::TooMany { keys: keys.len() });
        }
        Ok(Self { keys })
    }

    /// The keys for one stream's receipts. Derives each once, so keep the result.
    pub fn for_stream(&self, stream: &Stream) -> StreamKeys {
        StreamKeys::new(self.keys.iter().map(|key| derive(key, stream)).collect())
    }

    /// The ids, the minting key's first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }
}

/// Shows the ids only.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("ids", &self.ids().collect::<Vec<_>>()).finish()
    }
}

fn parse_key(entry: &str, place: usize) -> Result<Key, KeyRingError> {
    if entry.is_empty() {
        return Err(KeyRingError::Empty { place });
    }
    let (id, secret) = entry.split_once(':').ok_or(KeyRingError::NoColon { place })?;
    let id_fits = (1..=KEY_ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !id_fits {
        return Err(KeyRingError::Id { place });
    }
    let id = id.to_owned();
    // The decoder's own error would quote the secret's characters.
    let Ok(secret) = BASE64.decode(secret) else {
        return Err(KeyRingError::NotBase64 { id });
    };
    if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len()) {
        return Err(KeyRingError::SecretLength { id, bytes: secret.len() });
    }
    Ok(Key { id, secret })
}

/// HKDF-SHA256 (RFC 5869) with the stream as `info`. Names are preceded by their lengths, so no two streams
/// share an encoding.
fn derive(key: &Key, stream: &Stream) -> StreamKey {
    let mut info = Vec::with_capacity(12 + stream.cluster.len() + stream.topic.len());
    for name in [&stream.cluster, &stream.topic] {
        let length = u32::try_from(name.len()).expect("a name is shorter than 4 GiB");
        info.extend_from_slice(&length.to_be_bytes());
        info.extend_from_slice(name.as_bytes());
    }
    info.extend_from_slice(&stream.epoch.to_be_bytes());
    let mut derived = [0; 16];
    Hkdf::<Sha256>::new(Some(SALT), &key.secret)
        .expand(&info, &mut derived)
        .expect("16 bytes are within what HKDF-SHA256 can expand to");
    StreamKey::new(key.id.clone(), derived)
}

/// A key ring's text that cannot be used. Never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// Nothing between two commas, or nothing at all.
    #[error("key {place} is empty: expected `id:base64secret`")]
    Empty {
        /// Which entry, from 1.
        place: usize,
    },
    /// No id before the secret.
    #[error("key {place} has no `:` between its id and its secret")]
    NoColon {
        /// Which entry, from 1.
        place: usize,
    },
    /// An id too long, empty, or with other characters than letters, digits, `-` and `_`.
    #[error(
        "the id of key {place} is not 1 to {KEY_ID_BYTES_MAX} letters, digits, hyphens and underscores"
    )]
    Id {
        /// Which entry, from 1.
        place: usize,
    },
    /// A secret with characters that are not base64.
    #[error("the secret of key `{id}` is not base64")]
    NotBase64 {
        /// The key.
        id: String,
    },
    /// A secret too short to be safe, or longer than useful.
    #[error(
        "the secret of key `{id}` has {bytes} bytes, not {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX}"
    )]
    SecretLength {
        /// The key.
        id: String,
        /// How long its secret is.
        bytes: usize,
    },
    /// Two keys of one id.
    #[error("key id `{id}` occurs twice")]
    RepeatedId {
        /// The id.
        id: String,
    },
    /// A rotation that changed the id only.
    #[error("keys `{earlier}` and `{id}` have the same secret")]
    RepeatedSecret {
        /// The later key.
        id: String,
        /// The earlier key.
        earlier: String,
    },
    /// More keys than [`RING_KEYS_MAX`].
    #[error("{keys} keys are more than the {RING_KEYS_MAX} that keep forging improbable")]
    TooMany {
        /// How many there are.
        keys: usize,
    },
}

#[cfg(test)]
mod tests;
