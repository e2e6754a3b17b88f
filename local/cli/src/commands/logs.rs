//! `logs`: prints what the functions wrote, and follows it.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::args::{Logs, Place};
use crate::failure::CommandError;
use crate::log_files::file_name;
use crate::log_reader::{LogReader, read_plain};
use crate::terminal::Prefixes;
use crate::{locate, terminal};

/// How often a followed file is looked at: short enough to feel live, and a thousandth of a core.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The name under which `up --detach`'s own output is asked for.
const OWN: &str = "millrace";

pub(super) async fn run(place: &Place, options: Logs) -> Result<(), CommandError> {
    let layout = locate::data(place)?;
    let folder = layout.logs();
    let failed = |source| CommandError::Logs { folder: folder.clone(), source };
    match options.function {
        Some(function) if function == OWN => {
            print_plain(&layout.own_log(), options.follow).await.map_err(failed)
        }
        function => {
            let only = function.as_deref().map(file_name);
            let mut reader = LogReader::new(folder.clone(), only);
            let known = print(&mut reader, options.follow).await.map_err(failed)?;
            match function {
                Some(function) if !known => Err(CommandError::NoLog { function }),
                _ => Ok(()),
            }
        }
    }
}

/// Prints functions' lines; says whether there was a log.
async fn print(reader: &mut LogReader, follow: bool) -> io::Result<bool> {
    let mut prefixes = Prefixes::default();
    loop {
        for line in reader.read()? {
            prefixes.print(&line.function, &line.text);
        }
        if !follow || !again().await {
            return Ok(!reader.is_empty());
        }
    }
}

async fn print_plain(path: &Path, follow: bool) -> io::Result<()> {
    let mut printed = 0;
    loop {
        let text = read_plain(path)?;
        printed = if text.len() < printed { 0 } else { printed };
        terminal::out(&text[text.ceil_char_boundary(printed)..]);
        printed = text.len();
        if !follow || !again().await {
            return Ok(());
        }
    }
}

/// Waits for the next look; `false` on Ctrl-C.
async fn again() -> bool {
    tokio::select! {
        () = tokio::time::sleep(POLL_INTERVAL) => true,
        _ = tokio::signal::ctrl_c() => false,
    }
}
