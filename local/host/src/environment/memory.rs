//! How much memory a process has and had, where the system tells: Linux does, in `/proc`.

/// What a process uses, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// The most that was resident at any time, MB.
    pub(crate) peak_mb: u32,
    /// What is its own now, without the files it has mapped, MB: what counts against a limit.
    pub(crate) own_mb: u32,
}

impl Memory {
    /// Of the process `pid`; `None` where the system does not tell, or the process is gone.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        // A few microseconds of the kernel's work, no disk.
        parse(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
    }
}

fn parse(status: &str) -> Option<Memory> {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    let mb = |kib: u64| u32::try_from(kib.div_ceil(1024)).unwrap_or(u32::MAX);
    let (anonymous, shared) = (kib("RssAnon:")?, kib("RssShmem:")?);
    Some(Memory { peak_mb: mb(kib("VmHWM:")?), own_mb: mb(anonymous + shared) })
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
