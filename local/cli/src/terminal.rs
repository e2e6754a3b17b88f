//! The only module that prints. Data goes to stdout, everything else to stderr; colours only to a
//! terminal, and not where `NO_COLOR` is set.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Color, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A long action's line is drawn this often.
const TICK: Duration = Duration::from_millis(120);

/// Prefix colours of functions, in turn.
const PALETTE: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Yellow,
    AnsiColor::BrightCyan,
];

/// Stdout does not take what a command has to say.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to stdout")]
pub struct OutputError(#[source] io::Error);

impl OutputError {
    /// Whether its reader went away (`| head`): an end like any other, and no failure.
    pub fn reader_is_gone(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Prints `text` as it is on stdout, in one piece: a stream that strips colours as it goes writes
/// each line by itself, and a load test has thousands a second.
pub fn out(text: impl Display) -> Result<(), OutputError> {
    let text = text.to_string();
    let mut stdout = io::stdout().lock();
    let written = if anstream::AutoStream::choice(&stdout) == anstream::ColorChoice::Never {
        stdout.write_all(strip_str(&text).to_string().as_bytes())
    } else {
        stdout.write_all(text.as_bytes())
    };
    written.and_then(|()| stdout.flush()).map_err(OutputError)
}

/// Prints a line on stderr.
pub fn note(text: impl Display) {
    writeln!(anstream::stderr().lock(), "{text}").ok();
}

/// Prints why a command failed: a line for each error with its causes, and a hint.
pub fn failure(error: &dyn Error, hint: Option<&str>) {
    failure_with(None, &chain(error), hint);
}

/// Prints why a command failed: another program's text, `error:` lines, and a hint.
pub(crate) fn failure_with(text: Option<&str>, errors: &[String], hint: Option<&str>) {
    let mut stderr = anstream::stderr().lock();
    if let Some(text) = text {
        writeln!(stderr, "{}", text.trim_end()).ok();
    }
    let (red, cyan) = (bold(AnsiColor::Red), bold(AnsiColor::Cyan));
    for error in errors {
        writeln!(stderr, "{red}error{red:#}: {error}").ok();
    }
    if let Some(hint) = hint {
        writeln!(stderr, "{cyan}hint{cyan:#}: {hint}").ok();
    }
}

/// The error with its causes on one line; an error of several lines is several errors.
pub(crate) fn chain(error: &dyn Error) -> Vec<String> {
    let mut lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(last) = lines.last_mut() {
            last.push_str(": ");
            last.push_str(&source.to_string().replace('\n', "; "));
        }
        cause = source.source();
    }
    lines
}

/// Whether a person sees stderr in colour.
pub(crate) fn in_colour() -> bool {
    io::stderr().is_terminal()
        && anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Shows what is being waited for, on a terminal; nothing elsewhere.
#[derive(Debug)]
pub struct Waiting {
    bar: ProgressBar,
}

impl Waiting {
    /// Starts to show `message`.
    pub fn start(message: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("it is well-formed"),
        );
        bar.set_message(message);
        bar.enable_steady_tick(TICK);
        Self { bar }
    }

    /// Shows how far it is, once that is known.
    pub fn progress(&self, done: u64, of: u64) {
        if of == 0 {
            return;
        }
        if self.bar.length().is_none() {
            let style =
                ProgressStyle::with_template("{spinner} {msg} {bar:30} {pos}/{len} {elapsed}");
            self.bar.set_style(style.expect("it is well-formed"));
        }
        self.bar.set_length(of);
        self.bar.set_position(done);
    }

    /// Shows another message.
    pub fn say(&self, message: String) {
        self.bar.set_message(message);
    }

    /// Clears the line, as dropping does.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Prefixes lines with the name of their function, each function in a colour of its own.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    names: Vec<String>,
    width: usize,
}

impl Prefixes {
    /// Prefixes aligned for these functions.
    pub(crate) fn of(names: Vec<String>) -> Self {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        Self { names, width }
    }

    /// A line of a function, to be printed on stdout.
    pub(crate) fn line(&mut self, function: &str, text: &str) -> String {
        let index = self.names.iter().position(|name| name == function).unwrap_or_else(|| {
            self.names.push(function.to_owned());
            self.names.len() - 1
        });
        self.width = self.width.max(function.chars().count());
        let style = Style::new().fg_color(Some(Color::Ansi(PALETTE[index % PALETTE.len()])));
        format!("{style}{function:<width$} |{style:#} {text}\n", width = self.width)
    }
}

fn bold(colour: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(Color::Ansi(colour)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_its_causes() {
        let error = OutputError(io::Error::other("disk full"));
        assert_eq!(chain(&error), ["failed to write to stdout: disk full"]);
    }

    #[test]
    fn lines_of_functions_are_aligned_and_told_apart_by_colour() {
        let mut prefixes = Prefixes::of(vec!["get_status".to_owned(), "place".to_owned()]);
        let (long, short) = (prefixes.line("get_status", "a"), prefixes.line("place", "b"));
        assert_eq!(strip_str(&long).to_string(), "get_status | a\n");
        assert_eq!(strip_str(&short).to_string(), "place      | b\n");
        assert_ne!(long.split('g').next(), short.split('p').next());
    }
}
