//! `cargo ops events`: time and id of processed events, in the order of time, as they become known.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use event::Coordinates;
use jiff::Timestamp;
use millrace::{Exit, Place, terminal, until_interrupted};
use progress::store::DynamoDb;
use progress::{Chunk, Fate, History, Position};

use crate::args::EventsArgs;
use crate::failure::OpsFailure;
use crate::surroundings::Surroundings;
use crate::written::Written;

/// How often a follower looks for more.
const LOOK: Duration = Duration::from_millis(500);

/// Prints what was processed, then what comes, where that was asked.
pub(crate) async fn run(place: &Place, args: EventsArgs) -> Result<Exit, OpsFailure> {
    let surroundings = Surroundings::find(place).await?;
    let mut sink = Sink::open(args.append.as_deref(), &surroundings)?;
    let partitions = surroundings.offsets(&surroundings.stream.topic).await?.len();
    let mut positions = vec![Position::default(); partitions];
    if args.follow {
        until_interrupted(follow(&surroundings, &mut positions, &mut sink)).await?;
    } else {
        print_since(&surroundings, &mut positions, &mut sink).await?;
    }
    sink.finish();
    Ok(Exit::Done)
}

async fn follow(
    surroundings: &Surroundings,
    positions: &mut [Position],
    sink: &mut Sink<'_>,
) -> Result<(), OpsFailure> {
    loop {
        print_since(surroundings, positions, sink).await?;
        tokio::time::sleep(LOOK).await;
    }
}

/// Prints the events after these positions, one a partition, and moves them on.
async fn print_since(
    surroundings: &Surroundings,
    positions: &mut [Position],
    sink: &mut Sink<'_>,
) -> Result<(), OpsFailure> {
    let mut readers = Vec::with_capacity(positions.len());
    for (partition, since) in (0..).zip(&*positions) {
        let history = surroundings.history(partition, *since).await?;
        readers.push(Reader { partition, history, chunks: VecDeque::new() });
    }
    for reader in &mut readers {
        reader.fill().await?;
    }
    while let Some(index) = earliest(&readers) {
        let reader = &mut readers[index];
        let chunk = reader.chunks.pop_front().expect("the earliest reader has a chunk");
        reader.fill().await?;
        let partition = reader.partition;
        let id = |offset| {
            let place = Coordinates::new(partition, offset).expect("Kafka's offsets are in range");
            surroundings.event_id(place)
        };
        sink.write(partition, &chunk, id)?;
    }
    for (position, reader) in positions.iter_mut().zip(&readers) {
        *position = reader.history.end();
    }
    Ok(())
}

/// One partition's chunks, a page at a time.
#[derive(Debug)]
struct Reader<'s> {
    partition: i32,
    history: History<'s, DynamoDb>,
    chunks: VecDeque<Chunk>,
}

impl Reader<'_> {
    async fn fill(&mut self) -> Result<(), OpsFailure> {
        if self.chunks.is_empty()
            && let Some(page) = self.history.next_page().await?
        {
            self.chunks.extend(page);
        }
        Ok(())
    }
}

/// Whose next chunk is the oldest.
fn earliest(readers: &[Reader<'_>]) -> Option<usize> {
    let heads = readers.iter().enumerate().filter_map(|(index, reader)| {
        reader.chunks.front().map(|chunk| (chunk.applied_at_ms, index))
    });
    heads.min().map(|(_, index)| index)
}

/// One line an event: when, its id, what became of it.
fn line(chunk: &Chunk, offset: i64, id: &str) -> String {
    let at = Timestamp::from_millisecond(chunk.applied_at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    match chunk.fate(offset).expect("a chunk tells the fate of what it covers") {
        Fate::Failed(reason) => {
            format!("{at:.3} {id} failed: {}\n", reason.replace(['\r', '\n'], " "))
        }
        Fate::Skipped => format!("{at:.3} {id} skipped\n"),
        Fate::Applied => format!("{at:.3} {id} processed\n"),
    }
}

/// Where the lines go.
struct Sink<'a> {
    file: Option<Appended<'a>>,
}

/// A file that is appended to.
struct Appended<'a> {
    file: File,
    path: &'a Path,
    before: Written,
    lines: u64,
}

impl<'a> Sink<'a> {
    fn open(path: Option<&'a Path>, surroundings: &Surroundings) -> Result<Self, OpsFailure> {
        let Some(path) = path else { return Ok(Self { file: None }) };
        let failed =
            |action| move |source| OpsFailure::Append { action, path: path.to_owned(), source };
        let file = File::options().create(true).append(true).read(true).open(path);
        let mut file = file.map_err(failed("open"))?;
        let before = Written::read(BufReader::new(&file), |id| surroundings.place(id));
        let before = before.map_err(failed("read"))?;
        end_the_last_line(&mut file).map_err(failed("append to"))?;
        Ok(Self { file: Some(Appended { file, path, before, lines: 0 }) })
    }

    fn write(
        &mut self,
        partition: i32,
        chunk: &Chunk,
        id: impl Fn(i64) -> String,
    ) -> Result<(), OpsFailure> {
        let offsets = chunk.offsets.iter();
        let Some(Appended { file, path, before, lines }) = &mut self.file else {
            let text: String = offsets.map(|offset| line(chunk, offset, &id(offset))).collect();
            return Ok(terminal::out(text)?);
        };
        let mut text = String::new();
        for offset in offsets.filter(|offset| !before.has(partition, *offset)) {
            text.push_str(&line(chunk, offset, &id(offset)));
            *lines += 1;
        }
        file.write_all(text.as_bytes()).map_err(|source| OpsFailure::Append {
            action: "append to",
            path: path.to_owned(),
            source,
        })
    }

    fn finish(self) {
        if let Some(Appended { path, lines, .. }) = self.file {
            terminal::note(format!("appended {lines} events to `{}`", path.display()));
        }
    }
}

/// Whoever wrote to the file before may have been killed in the middle of a line.
fn end_the_last_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    fn chunk() -> Chunk {
        Chunk {
            offsets: [3, 4, 6].into_iter().collect(),
            checksums: vec![0; 3],
            failed: BTreeMap::from([(4, "no\nJSON".to_owned())]),
            skipped: [6].into_iter().collect(),
            applied_at_ms: 1_700_000_000_120,
            blocks: Vec::new(),
            late: false,
            version: 1,
            expires_at: 0,
        }
    }

    fn id(offset: i64) -> String {
        format!("id-{offset}")
    }

    #[test]
    fn an_event_is_a_line_of_time_id_and_fate() {
        let chunk = chunk();
        let text: String =
            chunk.offsets.iter().map(|offset| line(&chunk, offset, &id(offset))).collect();
        let expected = "2023-11-14T22:13:20.120Z id-3 processed\n\
                        2023-11-14T22:13:20.120Z id-4 failed: no JSON\n\
                        2023-11-14T22:13:20.120Z id-6 skipped\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_file_gets_only_what_it_has_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.txt");
        fs::write(&path, "t 0/3 processed\n").unwrap();
        let place = |id: &str| {
            let (partition, offset) = id.split_once('/')?;
            Coordinates::new(partition.parse().ok()?, offset.parse().ok()?).ok()
        };
        let before = Written::read(BufReader::new(File::open(&path).unwrap()), place).unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        let mut sink = Sink { file: Some(Appended { file, path: &path, before, lines: 0 }) };
        sink.write(0, &chunk(), id).unwrap();
        assert_eq!(sink.file.unwrap().lines, 2);
        let text = fs::read_to_string(&path).unwrap();
        let ids: Vec<_> = text.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(ids, ["0/3", "id-4", "id-6"]);
    }

    #[test]
    fn a_line_that_was_cut_off_is_ended_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.txt");
        for (before, after) in [("", ""), ("whole\n", "whole\n"), ("cut", "cut\n")] {
            fs::write(&path, before).unwrap();
            let mut file = File::options().append(true).read(true).open(&path).unwrap();
            end_the_last_line(&mut file).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }
}
