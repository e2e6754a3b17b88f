//! `cargo ops events`: time and id of processed events, as they become known.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use event::Coordinates;
use jiff::Timestamp;
use millrace::{Exit, terminal};
use progress::{Chunk, Fate, Position};

use crate::args::EventsArgs;
use crate::failure::OpsFailure;
use crate::surroundings::Surroundings;

/// How often a follower looks for more.
const LOOK: Duration = Duration::from_millis(500);

/// Prints what was processed, then what comes, where that was asked.
pub(crate) async fn run(args: EventsArgs) -> Result<Exit, OpsFailure> {
    let surroundings = Surroundings::find(&args.data).await?;
    let mut sink = Sink::open(args.append.as_deref())?;
    let partitions = surroundings.ends(&surroundings.stream.topic).await?.len();
    let mut positions = vec![Position::default(); partitions];
    loop {
        for (partition, position) in (0..).zip(&mut positions) {
            *position = print_since(&surroundings, partition, *position, &mut sink).await?;
        }
        if !args.follow || interrupted_within(LOOK).await {
            return Ok(Exit::Done);
        }
    }
}

async fn interrupted_within(pause: Duration) -> bool {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => true,
        () = tokio::time::sleep(pause) => false,
    }
}

/// Prints one partition's events after a position, and gives the position after them.
async fn print_since(
    surroundings: &Surroundings,
    partition: i32,
    since: Position,
    sink: &mut Sink<'_>,
) -> Result<Position, OpsFailure> {
    let mut history = surroundings.history(partition, since).await?;
    while let Some(chunks) = history.next_page().await.map_err(OpsFailure::Progress)? {
        for chunk in &chunks {
            sink.write(&lines(surroundings, partition, chunk))?;
        }
    }
    Ok(history.end())
}

/// One line an event: when, its id, what became of it.
fn lines(surroundings: &Surroundings, partition: i32, chunk: &Chunk) -> String {
    let at = Timestamp::from_millisecond(chunk.applied_at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let line = |offset: i64| {
        let place = Coordinates::new(partition, offset).expect("Kafka's offsets are in range");
        let id = surroundings.event_id(place);
        match chunk.fate(offset) {
            Some(Fate::Failed(reason)) => format!("{at:.3} {id} failed: {reason}\n"),
            Some(Fate::Skipped) => format!("{at:.3} {id} skipped\n"),
            Some(Fate::Applied) | None => format!("{at:.3} {id} processed\n"),
        }
    };
    chunk.offsets.iter().map(line).collect()
}

/// Where the lines go.
struct Sink<'a> {
    file: Option<(File, &'a Path)>,
}

impl<'a> Sink<'a> {
    fn open(append: Option<&'a Path>) -> Result<Self, OpsFailure> {
        let Some(path) = append else { return Ok(Self { file: None }) };
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(|source| OpsFailure::Append { path: path.to_owned(), source })?;
        Ok(Self { file: Some((file, path)) })
    }

    fn write(&mut self, lines: &str) -> Result<(), OpsFailure> {
        match &mut self.file {
            None => terminal::out(lines),
            Some((file, path)) => file
                .write_all(lines.as_bytes())
                .map_err(|source| OpsFailure::Append { path: path.to_owned(), source })?,
        }
        Ok(())
    }
}
