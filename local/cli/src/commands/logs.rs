//! `logs`: prints what the functions wrote, and follows it.

use std::io;
use std::time::Duration;

use crate::args::{Logs, Place};
use crate::data_folder::Layout;
use crate::failure::CommandError;
use crate::interrupt::until_interrupted;
use crate::log_files::file_name;
use crate::log_reader::{self, LogReader};
use crate::terminal::Prefixes;
use crate::{locate, terminal};

/// How often a followed file is looked at: short enough to feel live, and a thousandth of a core.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The name under which `up --detach`'s own output is asked for.
const OWN: &str = "millrace";

pub(super) async fn run(place: &Place, options: Logs) -> Result<(), CommandError> {
    let layout = locate::data(place)?;
    if options.follow {
        return until_interrupted(follow(&layout, options.function)).await;
    }
    match options.function {
        Some(function) if function == OWN => {
            terminal::out(log_reader::read_plain(&layout.own_log()).map_err(unread(&layout))?)?;
        }
        function => {
            let mut reader = reader(&layout, function.as_deref());
            print(&mut reader, &mut Prefixes::default(), &layout)?;
            if let (Some(function), true) = (function, reader.is_empty()) {
                return Err(CommandError::NoLog { function });
            }
        }
    }
    Ok(())
}

async fn follow(layout: &Layout, function: Option<String>) -> Result<(), CommandError> {
    if function.as_deref() == Some(OWN) {
        return follow_plain(layout).await;
    }
    let mut reader = reader(layout, function.as_deref());
    let mut prefixes = Prefixes::default();
    loop {
        print(&mut reader, &mut prefixes, layout)?;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn follow_plain(layout: &Layout) -> Result<(), CommandError> {
    let mut printed = 0;
    loop {
        let text = log_reader::read_plain(&layout.own_log()).map_err(unread(layout))?;
        printed = if text.len() < printed { 0 } else { printed };
        terminal::out(&text[text.ceil_char_boundary(printed)..])?;
        printed = text.len();
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn reader(layout: &Layout, function: Option<&str>) -> LogReader {
    LogReader::new(layout.logs(), function.map(file_name))
}

/// Prints what functions wrote since the last call.
fn print(
    reader: &mut LogReader,
    prefixes: &mut Prefixes,
    layout: &Layout,
) -> Result<(), CommandError> {
    for line in reader.read().map_err(unread(layout))? {
        terminal::out(prefixes.line(&line.function, &line.text))?;
    }
    Ok(())
}

fn unread(layout: &Layout) -> impl FnOnce(io::Error) -> CommandError {
    let folder = layout.logs();
    |source| CommandError::Logs { folder, source }
}
