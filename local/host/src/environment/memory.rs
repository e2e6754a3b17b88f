//! How much memory processes have and had, where the system tells: Linux does, in `/proc`.
//!
//! Source: <https://man7.org/linux/man-pages/man5/proc.5.html>

use std::fs;

/// Of the descendants of a process this many are looked at; Lambda allows an environment so many.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const PROCESSES_MAX: usize = 1_024;

/// What a process uses, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Memory {
    /// The most that was resident at any time, MB.
    peak_mb: u32,
    /// What is its own now, without the files it has mapped, MB: what counts against a limit.
    own_mb: u32,
}

impl Memory {
    /// Of the process `pid`; `None` where the system does not tell, or the process is gone.
    fn of(pid: u32) -> Option<Self> {
        // A few microseconds of the kernel's work, no disk.
        parse(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
    }
}

/// The most that the process `leader` and all that descends from it and is alive had resident at any
/// time, added up, MB; `None` as for [`Memory::of`].
pub(crate) fn peak_mb_of_all(leader: u32) -> Option<u32> {
    let leaders_mb = Memory::of(leader)?.peak_mb;
    let others = descendants(leader).into_iter().filter_map(Memory::of);
    Some(others.fold(leaders_mb, |sum_mb, other| sum_mb.saturating_add(other.peak_mb)))
}

/// What the process `leader` and all that descends from it have of their own together, MB, as far as
/// it counts against `limit_mb`; `None` as for [`Memory::of`].
pub(super) fn own_mb_of_all(leader: u32, limit_mb: u32) -> Option<u32> {
    let own_mb = Memory::of(leader)?.own_mb;
    let descendants = descendants(leader);
    if descendants.is_empty() {
        return Some(own_mb);
    }
    let others = descendants.iter().filter_map(|pid| Memory::of(*pid));
    let sum_mb = others.fold(own_mb, |sum_mb, other| sum_mb.saturating_add(other.own_mb));
    if sum_mb <= limit_mb {
        return Some(sum_mb);
    }
    // What a process shares with its children since it forked counts once. To know how much costs
    // the kernel a walk through all of their memory.
    let shares = descendants.into_iter().chain([leader]).filter_map(share_kib);
    Some(mb(shares.sum()))
}

/// What a process has of its own, KiB, in equal parts with those who share it.
fn share_kib(pid: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    Some(kib(&rollup, "Pss_Anon:")? + kib(&rollup, "Pss_Shmem:")?)
}

fn descendants(leader: u32) -> Vec<u32> {
    let mut all = children(leader);
    let mut next = 0;
    while next < all.len() && all.len() < PROCESSES_MAX {
        all.extend(children(all[next]));
        next += 1;
    }
    all
}

/// Every thread of a process has children of its own.
fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let parse = |list: String| list.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    lists.flat_map(|list| -> Vec<u32> { parse(list) }).collect()
}

fn parse(status: &str) -> Option<Memory> {
    let (anonymous, shared) = (kib(status, "RssAnon:")?, kib(status, "RssShmem:")?);
    Some(Memory { peak_mb: mb(kib(status, "VmHWM:")?), own_mb: mb(anonymous + shared) })
}

/// The figure of one line.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn mb(kib: u64) -> u32 {
    u32::try_from(kib.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_understood() {
        let status = "Name:\tf\nVmPeak:\t  999 kB\nVmHWM:\t    2049 kB\nVmRSS:\t    2000 kB\n\
                      RssAnon:\t    1000 kB\nRssFile:\t     976 kB\nRssShmem:\t      24 kB\n";
        assert_eq!(parse(status), Some(Memory { peak_mb: 3, own_mb: 1 }));
        assert_eq!(parse("Name:\tzombie\n"), None);
    }

    #[test]
    fn a_process_that_is_gone_has_none() {
        assert_eq!(Memory::of(u32::MAX), None);
    }
}
