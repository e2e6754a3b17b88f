//! What a person writes: `kill-environment:process_events@5s,stop-broker@10s:3s,poison=0.1%`. Pure.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long Kafka is away unless told: longer than a retry, shorter than a request may wait.
const DOWN_DEFAULT: Duration = Duration::from_secs(3);

/// How long the table is slow unless told.
const SLOW_DEFAULT: Duration = Duration::from_secs(10);

/// The longest time in a fault: beyond an hour it is a slip of the pen.
const TIME_MAX: Duration = Duration::from_hours(1);

/// A share of everything.
const MILLION: u64 = 1_000_000;

/// Something that goes wrong at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An environment is killed; of the functions in turn where none is named.
    KillEnvironment {
        /// Whose.
        function: Option<String>,
    },
    /// The process of a mapping's poller is killed; of the mappings in turn where none is named.
    KillPoller {
        /// The function of the mapping.
        function: Option<String>,
    },
    /// Kafka stops, and starts again.
    StopBroker {
        /// How long it is away.
        down: Duration,
    },
    /// Every request to the table takes longer.
    SlowTable {
        /// By how much.
        delay: Duration,
        /// For how long.
        lasting: Duration,
    },
}

/// A fault and when it is due, from the start of the load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timed {
    pub(crate) at: Duration,
    pub(crate) fault: Fault,
}

/// A share, in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(u32);

/// Everything that one `--fault` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FaultSpec {
    /// In the order in which it was written.
    pub(crate) timed: Vec<Timed>,
    /// Records that cannot be processed, as a share of what is sent.
    pub(crate) poison: Option<Share>,
}

/// Which piece makes no sense, and what would.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{piece}`: {problem}")]
pub(crate) struct FaultError {
    piece: String,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error(
        "there is no such fault; write kill-environment@5s, kill-poller@15s, stop-broker@10s:3s, \
         slow-table@20s:200ms or poison=0.1%"
    )]
    Unknown,
    #[error("it does not say when; write `{example}`")]
    NoTime { example: &'static str },
    #[error("it has no time of its own; write `{example}`")]
    Time { example: &'static str },
    #[error("`{text}` is no time up to an hour; write it as `5s`, `200ms` or `1m`")]
    NoDuration { text: String },
    #[error("it does not fit; write `{example}`")]
    Shape { example: &'static str },
    #[error("`{text}` is no share above 0 and up to 100%; write `poison=0.1%`")]
    NoShare { text: String },
}

impl Share {
    /// A share in parts per million, at most all.
    pub(crate) const fn per_million(parts: u32) -> Self {
        Self(parts)
    }

    /// How many of `count` it is, rounded down.
    pub(crate) fn of(self, count: u64) -> u64 {
        count.saturating_mul(u64::from(self.0)) / MILLION
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", f64::from(self.0) / 10_000.0)
    }
}

impl FromStr for Share {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |text| (text, 100.0));
        let share = number.parse::<f64>().ok().map(|number| number / whole * 1e6);
        let parts = share.filter(|parts| (1.0..=1e6).contains(parts));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it lies between 1 and a million"
        )]
        let parts = parts.map(|parts| parts.round() as u32);
        let no_share = || FaultError {
            piece: format!("poison={text}"),
            problem: Problem::NoShare { text: text.to_owned() },
        };
        parts.map(Self).ok_or_else(no_share)
    }
}

impl Fault {
    /// Reads a fault that is to happen at once: `stop-broker:3s`.
    pub(crate) fn at_once(piece: &str) -> Result<Self, FaultError> {
        let wrong = |problem| FaultError { piece: piece.to_owned(), problem };
        let (name, arguments) = piece.split_once(':').unwrap_or((piece, ""));
        if let Some((_, example)) = at(name).filter(|_| piece.contains('@')) {
            return Err(wrong(Problem::Time { example }));
        }
        let (function, arguments) = match name {
            "kill-environment" | "kill-poller" => (Some(arguments), ""),
            _ => (None, arguments),
        };
        let function = function.filter(|function| !function.is_empty());
        build(name, function, arguments).map_err(wrong)
    }
}

impl Fault {
    /// How long it lasts; `None` for what is done in a moment.
    pub(crate) fn lasting(&self) -> Option<Duration> {
        match self {
            Self::KillEnvironment { .. } | Self::KillPoller { .. } => None,
            Self::StopBroker { down } => Some(*down),
            Self::SlowTable { lasting, .. } => Some(*lasting),
        }
    }
}

/// How a fault is written with a time, and without.
fn at(name: &str) -> Option<(&'static str, &'static str)> {
    let name = name.split(['@', ':']).next().unwrap_or(name);
    Some(match name {
        "kill-environment" => ("kill-environment@5s", "kill-environment:process_events"),
        "kill-poller" => ("kill-poller@15s", "kill-poller"),
        "stop-broker" => ("stop-broker@10s:3s", "stop-broker:3s"),
        "slow-table" => ("slow-table@20s:200ms:5s", "slow-table:200ms:5s"),
        _ => return None,
    })
}

fn build(name: &str, function: Option<&str>, arguments: &str) -> Result<Fault, Problem> {
    let (example, _) = at(name).ok_or(Problem::Unknown)?;
    let arguments: Vec<_> = arguments.split(':').filter(|text| !text.is_empty()).collect();
    let named = function.map(str::to_owned);
    let fault = match (name, arguments.as_slice(), function) {
        ("kill-environment", [], _) => Fault::KillEnvironment { function: named },
        ("kill-poller", [], _) => Fault::KillPoller { function: named },
        ("stop-broker", [], None) => Fault::StopBroker { down: DOWN_DEFAULT },
        ("stop-broker", [down], None) => Fault::StopBroker { down: duration(down)? },
        ("slow-table", [delay], None) => {
            Fault::SlowTable { delay: duration(delay)?, lasting: SLOW_DEFAULT }
        }
        ("slow-table", [delay, lasting], None) => {
            Fault::SlowTable { delay: duration(delay)?, lasting: duration(lasting)? }
        }
        _ => return Err(Problem::Shape { example }),
    };
    Ok(fault)
}

fn duration(text: &str) -> Result<Duration, Problem> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let seconds = match unit {
        "ms" => Some(0.001),
        "s" => Some(1.0),
        "m" => Some(60.0),
        _ => None,
    };
    let number = text[..text.len() - unit.len()].parse::<f64>().ok();
    let seconds = number.zip(seconds).map(|(number, unit)| number * unit);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| *duration <= TIME_MAX)
        .ok_or_else(|| Problem::NoDuration { text: text.to_owned() })
}

impl FromStr for Timed {
    type Err = FaultError;

    fn from_str(piece: &str) -> Result<Self, FaultError> {
        let wrong = |problem| FaultError { piece: piece.to_owned(), problem };
        let (example, _) = at(piece).ok_or_else(|| wrong(Problem::Unknown))?;
        let (what, when) =
            piece.split_once('@').ok_or_else(|| wrong(Problem::NoTime { example }))?;
        let (name, function) = match what.split_once(':') {
            Some((name, function)) => (name, Some(function)),
            None => (what, None),
        };
        let (time, arguments) = when.split_once(':').unwrap_or((when, ""));
        let at = duration(time).map_err(wrong)?;
        build(name, function, arguments).map(|fault| Self { at, fault }).map_err(wrong)
    }
}

impl FromStr for FaultSpec {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut spec = Self::default();
        for piece in text.split(',').map(str::trim) {
            match piece.strip_prefix("poison=") {
                Some(share) => spec.poison = Some(share.parse()?),
                None => spec.timed.push(piece.parse()?),
            }
        }
        Ok(spec)
    }
}

/// Written as [`Fault::at_once`] reads it.
impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, function) = self.name();
        formatter.write_str(name)?;
        function.map_or(Ok(()), |function| write!(formatter, ":{function}"))?;
        self.arguments(formatter)
    }
}

/// Written as it is read, so that a schedule that was made up can be asked for again.
impl fmt::Display for Timed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, function) = self.fault.name();
        formatter.write_str(name)?;
        function.map_or(Ok(()), |function| write!(formatter, ":{function}"))?;
        write!(formatter, "@{}", Short(self.at))?;
        self.fault.arguments(formatter)
    }
}

impl Fault {
    fn name(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::KillEnvironment { function } => ("kill-environment", function.as_deref()),
            Self::KillPoller { function } => ("kill-poller", function.as_deref()),
            Self::StopBroker { .. } => ("stop-broker", None),
            Self::SlowTable { .. } => ("slow-table", None),
        }
    }

    fn arguments(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillEnvironment { .. } | Self::KillPoller { .. } => Ok(()),
            Self::StopBroker { down } => write!(formatter, ":{}", Short(*down)),
            Self::SlowTable { delay, lasting } => {
                write!(formatter, ":{}:{}", Short(*delay), Short(*lasting))
            }
        }
    }
}

/// A time to the millisecond: `200ms`, `3s`, `1.5s`.
pub(crate) struct Short(pub(crate) Duration);

impl fmt::Display for Short {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            milliseconds @ ..1_000 => write!(formatter, "{milliseconds}ms"),
            milliseconds if milliseconds % 1_000 == 0 => {
                write!(formatter, "{}s", milliseconds / 1_000)
            }
            milliseconds => {
                let digits = format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000);
                write!(formatter, "{}s", digits.trim_end_matches('0'))
            }
        }
    }
}

#[cfg(test)]
mod tests;
