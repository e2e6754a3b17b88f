//! A series of figures as a picture of text.

use std::fmt::Write as _;
use std::time::Duration;

/// How wide a picture is at most, beside its labels: all of it fits 80 columns.
const COLUMNS_MAX: usize = 68;

/// How high, in lines.
const LINES: u64 = 10;

/// Draws a series of `values` that took `time`, which goes to the right.
pub(super) fn draw(title: &str, values: &[u64], time: Duration) -> String {
    let per_column = values.len().div_ceil(COLUMNS_MAX).max(1);
    let columns: Vec<u64> =
        values.chunks(per_column).map(|some| some.iter().copied().max().unwrap_or(0)).collect();
    let top = columns.iter().copied().max().unwrap_or(0).max(1);
    let mut text = format!("{title}\n");
    for line in (0..LINES).rev() {
        let label = if line + 1 == LINES { top.to_string() } else { String::new() };
        let dots: String = columns.iter().map(|value| block(*value, top, line)).collect();
        writeln!(text, "{label:>8} |{}", dots.trim_end()).expect("text grows");
    }
    let width = columns.len();
    writeln!(text, "{:>8} +{}", 0, "-".repeat(width)).expect("text grows");
    writeln!(text, "{:>8}  {:>width$}", "", format!("{} s", time.as_secs())).expect("text grows");
    text
}

/// What a line shows of a column: full, half, or nothing.
fn block(value: u64, top: u64, line: u64) -> char {
    let halves = (value * LINES * 2).div_ceil(top);
    match halves.saturating_sub(line * 2) {
        0 => ' ',
        1 => '.',
        _ => ':',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shows_how_a_series_grows_and_falls() {
        let picture = draw("lag", &[0, 5, 10, 5, 0], Duration::from_millis(2_500));
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines.len(), 13);
        assert_eq!(lines[0], "lag");
        assert_eq!(lines[1], "      10 |  :");
        assert_eq!(lines[6], "         | :::");
        assert_eq!(lines[11], "       0 +-----");
        assert_eq!(lines[12], "            2 s");
    }

    #[test]
    fn a_long_series_keeps_its_highest_and_fits() {
        let mut values = vec![1; 1_000];
        values[500] = 99;
        let picture = draw("lag", &values, Duration::from_secs(100));
        assert!(picture.contains("      99 |"), "{picture}");
        assert!(picture.lines().all(|line| line.chars().count() < 80), "{picture}");
    }

    #[test]
    fn nothing_is_drawn_as_nothing() {
        assert!(draw("lag", &[], Duration::ZERO).contains("       0 +\n          0 s"));
        assert!(draw("lag", &[0, 0], Duration::ZERO).contains("       0 +--\n          0 s"));
    }
}
