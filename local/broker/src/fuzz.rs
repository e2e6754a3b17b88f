//! Fuzzing on stable Rust: what clients may send and what a crash may leave, changed at random.
//!
//! `cargo test -p broker fuzz` runs some thousand rounds; `BROKER_FUZZ_SECONDS=600 cargo test -p
//! broker fuzz` runs for that long. A failure names its seed; `BROKER_FUZZ_SEED` starts with it.
//! Coverage-guided fuzzing (`cargo fuzz`) would need a nightly compiler; the codec's layouts make
//! valid requests of every kind and version to start from instead.

mod recovery;
mod requests;

use std::time::Duration;

use tokio::time::Instant;

/// Runs a target's round with one seed after the other, `count` times where no time is asked for,
/// and says which one failed.
fn rounds(count: u64, mut round: impl FnMut(&mut fastrand::Rng)) {
    let seconds = setting("BROKER_FUZZ_SECONDS").map(Duration::from_secs);
    let first = setting("BROKER_FUZZ_SEED").unwrap_or(0);
    let start = Instant::now();
    for seed in first.. {
        let is_over = match seconds {
            Some(seconds) => start.elapsed() >= seconds,
            None => seed - first >= count,
        };
        if is_over {
            return;
        }
        let named = NamesSeed(seed);
        round(&mut fastrand::Rng::with_seed(seed));
        std::mem::forget(named);
    }
}

/// Tells the seed when a round panics.
struct NamesSeed(u64);

impl Drop for NamesSeed {
    #[expect(clippy::print_stderr, reason = "a failing test must say how to repeat it")]
    fn drop(&mut self) {
        eprintln!("failed with BROKER_FUZZ_SEED={}", self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge of a test: whoever runs it sets these")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// Changes some of the bytes: flips, numbers that matter, cuts, repeats, garbage.
fn mutate(random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    for _ in 0..random.usize(1..5) {
        let at = random.usize(..=bytes.len());
        let until = (at + random.usize(..40)).min(bytes.len());
        match random.u8(..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..until)),
            2 => {
                let copy = bytes[at..until].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => {
                let garbage = std::iter::repeat_with(|| random.u8(..)).take(until - at);
                let garbage = garbage.collect::<Vec<_>>();
                bytes.splice(at..until, garbage);
            }
            4 => {
                let number = random.choice([-1, 0, 1, i32::MAX, i32::MIN, 127, 128, 65_536]);
                let number = number.unwrap_or(-1).to_be_bytes();
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.u8(..8);
                }
            }
        }
    }
}
