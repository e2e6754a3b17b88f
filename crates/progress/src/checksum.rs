//! The checksum that tells a record from another one at the same offset.

use crc32c::{crc32c, crc32c_append};

/// CRC-32C over everything a record carries, so that the record of a recreated topic is noticed.
///
/// Each part is preceded by its length, and an absent one differs from an empty one.
pub fn checksum<'a>(
    timestamp_ms: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> u32 {
    let mut sum = crc32c(&timestamp_ms.to_be_bytes());
    sum = part(sum, key);
    sum = part(sum, value);
    for (name, value) in headers {
        sum = part(sum, Some(name.as_bytes()));
        sum = part(sum, Some(value));
    }
    sum
}

fn part(sum: u32, bytes: Option<&[u8]>) -> u32 {
    match bytes {
        None => crc32c_append(sum, &[0]),
        Some(bytes) => {
            let length = u64::try_from(bytes.len()).expect("a length fits 64 bits");
            crc32c_append(crc32c_append(sum, &(length + 1).to_be_bytes()), bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_record_counts() {
        let sums = [
            checksum(1, None, None, []),
            checksum(2, None, None, []),
            checksum(1, Some(b""), None, []),
            checksum(1, None, Some(b""), []),
            checksum(1, Some(b"a"), Some(b"b"), []),
            checksum(1, Some(b"ab"), Some(b""), []),
            checksum(1, None, None, [("a", &b"b"[..])]),
            checksum(1, None, None, [("ab", &b""[..])]),
        ];
        let distinct: std::collections::BTreeSet<_> = sums.iter().collect();
        assert_eq!(distinct.len(), sums.len());
    }
}
