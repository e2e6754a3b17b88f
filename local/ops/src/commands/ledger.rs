//! `cargo ops ledger`: finds every event of a load.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use load::{OutcomeFile, RunHeader, RunId};
use millrace::{Exit, Place, terminal};
use progress::{Policy, Position};
use serde::Deserialize;

use crate::accounts::{Accounts, Found, Verdict};
use crate::args::LedgerArgs;
use crate::dead_letters::{self, DeadLetter};
use crate::drain::drained;
use crate::failure::OpsFailure;
use crate::surroundings::Surroundings;
use crate::tables;

/// Where `cargo local load` keeps its outcomes, in the data folder.
const LOAD_FOLDER: &str = "load";

/// Partition and offset of records that failed.
type Failed = BTreeSet<(i32, i64)>;

/// The part of a body that is the generator's own.
#[derive(Deserialize)]
struct Generated<'a> {
    #[serde(borrow)]
    load_id: Option<Cow<'a, str>>,
}

/// The generator's id in a body; `None` for events of other origin.
fn load_id(body: &[u8]) -> Option<Cow<'_, str>> {
    let generated: Generated<'_> = serde_json::from_slice(body).ok()?;
    generated.load_id
}

/// Accounts for the load, prints the ledger.
pub(crate) async fn run(place: &Place, args: LedgerArgs) -> Result<Exit, OpsFailure> {
    let surroundings = Surroundings::find(place).await?;
    let file = OutcomeFile::open(&outcome_file(&place.data_folder()?, args.run)?)?;
    let header = file.header();
    refuse_expired(header, Timestamp::now().as_millisecond())?;
    let mut accounts = Accounts::open(header.run.to_string(), file.outcomes().collect());

    let drained = drained(&surroundings, Duration::from_secs(args.wait)).await?;
    let mut failed = book_processed(&surroundings, &mut accounts).await?;
    let mut letters = dead_letters::read(&surroundings).await?;
    while let Some(letter) = letters.recv().await {
        book_letter(&mut accounts, &mut failed, &surroundings.stream.topic, &letter?);
    }
    let verdict = accounts.close(drained);
    print(header.run, &verdict, args.json)?;
    Ok(if verdict.holds() { Exit::Done } else { Exit::Failed })
}

/// The file of the run asked for, or of the latest.
fn outcome_file(data: &Path, run: Option<RunId>) -> Result<PathBuf, OpsFailure> {
    let directory = data.join(LOAD_FOLDER);
    match run {
        Some(run) => Some(OutcomeFile::path(&directory, run))
            .filter(|path| path.exists())
            .ok_or_else(|| OpsFailure::NoRun { run, data: data.to_owned() }),
        None => OutcomeFile::latest(&directory)?
            .ok_or_else(|| OpsFailure::NoLoad { data: data.to_owned() }),
    }
}

/// What is forgotten must not be called lost.
fn refuse_expired(header: &RunHeader, now_ms: i64) -> Result<(), OpsFailure> {
    let days = |duration: Duration| duration.as_secs() / (24 * 60 * 60);
    let age_ms = u64::try_from(now_ms - header.started_ms).unwrap_or(0);
    let (age, keep) = (Duration::from_millis(age_ms), Policy::default().keep);
    if age < keep {
        return Ok(());
    }
    Err(OpsFailure::Expired { run: header.run, days: days(age), kept_days: days(keep) })
}

/// Books every archived body; gives the places of the records that failed.
async fn book_processed(
    surroundings: &Surroundings,
    accounts: &mut Accounts,
) -> Result<Failed, OpsFailure> {
    let _waiting = terminal::Waiting::start("reading the archive");
    let mut failed = Failed::new();
    let partitions = surroundings.offsets(&surroundings.stream.topic).await?.len();
    for partition in (0..).take(partitions) {
        let mut history = surroundings.history(partition, Position::default()).await?;
        while let Some(chunks) = history.next_page().await? {
            for chunk in chunks {
                failed.extend(chunk.failed.keys().map(|offset| (partition, *offset)));
                for record in surroundings.ledger.bodies(&chunk).await? {
                    if let Some(id) = load_id(&record.body) {
                        accounts.book(&id, Found::Processed);
                    }
                }
            }
        }
    }
    Ok(failed)
}

/// Books a dead letter, and the failure of the record it is a copy of. Letters come at least once:
/// the second of one record is the failure of none.
fn book_letter(accounts: &mut Accounts, failed: &mut Failed, topic: &str, letter: &DeadLetter) {
    let DeadLetter { origin, value } = letter;
    let Some(id) = load_id(value).filter(|_| origin.topic == topic) else { return };
    // Asked first: a letter of another run may name the place by an older epoch of the topic.
    if accounts.book(&id, Found::Dead) && failed.remove(&(origin.partition, origin.offset)) {
        accounts.book(&id, Found::Failed);
    }
}

fn print(run: RunId, verdict: &Verdict, json: bool) -> Result<(), OpsFailure> {
    if json {
        let totals = serde_json::to_string(&verdict.totals).expect("counts become JSON");
        terminal::out(totals + "\n")?;
    } else {
        terminal::note(format!("load {run}"));
        terminal::out(tables::ledger(&verdict.totals))?;
    }
    let Verdict { totals, lost, twice } = verdict;
    for (what, ids, count) in [("lost", lost, totals.lost), ("applied twice", twice, totals.twice)]
    {
        if count > 0 {
            terminal::note(tables::ids(what, ids, count));
        }
    }
    if totals.pending > 0 {
        terminal::note("records still wait: `cargo local lag` tells where; --wait waits longer");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use load::Outcome;

    use super::*;
    use crate::accounts::{Drained, Totals};
    use crate::dead_letters::Origin;

    const RUN: &str = "cafe0123";

    fn letter(topic: &str, offset: i64, load_id: &str) -> DeadLetter {
        let origin = Origin { topic: topic.to_owned(), partition: 0, offset };
        DeadLetter { origin, value: format!(r#"{{"load_id":"{load_id}"}}"#).into_bytes() }
    }

    /// The totals of a run of one request, accepted, whose record at offset 4 failed.
    fn totals(letters: &[DeadLetter]) -> Totals {
        let mut accounts = Accounts::open(RUN.to_owned(), vec![Outcome::Accepted]);
        let mut failed = Failed::from([(0, 4)]);
        for letter in letters {
            book_letter(&mut accounts, &mut failed, "events", letter);
        }
        accounts.close(Drained::Yes).totals
    }

    #[test]
    fn a_repeated_dead_letter_is_one_failure() {
        let letter = || letter("events", 4, "cafe0123-0");
        let totals = totals(&[letter(), letter()]);
        assert_eq!((totals.failed, totals.dead, totals.twice, totals.lost), (1, 1, 0, 0));
    }

    #[test]
    fn letters_of_other_topics_and_runs_are_nobodys_failure() {
        let totals =
            totals(&[letter("orders", 4, "cafe0123-0"), letter("events", 4, "beef0123-0")]);
        assert_eq!((totals.failed, totals.dead, totals.lost), (0, 0, 1));
    }

    #[test]
    fn a_letter_of_another_run_at_the_same_place_takes_no_failure_away() {
        let letters = [letter("events", 4, "beef0123-0"), letter("events", 4, "cafe0123-0")];
        assert_eq!(totals(&letters).failed, 1);
    }

    #[test]
    fn the_generators_id_is_found_in_a_body_and_nowhere_else() {
        assert_eq!(load_id(br#"{"a":[1],"load_id":"cafe0123-7"}"#).as_deref(), Some("cafe0123-7"));
        assert_eq!(load_id(br#"{"load_id":"cafe\u00300123-7"}"#).as_deref(), Some("cafe00123-7"));
        for body in [&br#"{"a":{"load_id":"x"}}"#[..], br#"{"load_id":7}"#, b"{}", b"[]", b"\xff"] {
            assert_eq!(load_id(body), None);
        }
    }

    #[test]
    fn the_run_asked_for_is_taken_or_the_latest() {
        let data = tempfile::tempdir().unwrap();
        let run: RunId = RUN.parse().unwrap();
        let none = |run| outcome_file(data.path(), run).unwrap_err();
        assert!(matches!(none(None), OpsFailure::NoLoad { .. }));
        assert!(matches!(none(Some(run)), OpsFailure::NoRun { .. }));
        let folder = data.path().join(LOAD_FOLDER);
        fs::create_dir(&folder).unwrap();
        for (run, started_ms) in [("0000000a", 2), ("0000000b", 1)] {
            let header = RunHeader {
                run: run.parse().unwrap(),
                scenario: "events".to_owned(),
                url: "http://127.0.0.1".to_owned(),
                started_ms,
                requests: Some(1),
            };
            let text = serde_json::to_string(&header).unwrap() + "\na";
            fs::write(OutcomeFile::path(&folder, header.run), text).unwrap();
        }
        let named = "0000000b".parse().unwrap();
        assert_eq!(
            outcome_file(data.path(), None).unwrap(),
            OutcomeFile::path(&folder, "0000000a".parse().unwrap())
        );
        assert_eq!(
            outcome_file(data.path(), Some(named)).unwrap(),
            OutcomeFile::path(&folder, named)
        );
        assert!(matches!(none(Some(run)), OpsFailure::NoRun { .. }));
    }

    #[test]
    fn a_load_older_than_the_archive_is_refused_instead_of_called_lost() {
        let header = RunHeader {
            run: RUN.parse().unwrap(),
            scenario: "events".to_owned(),
            url: "http://127.0.0.1".to_owned(),
            started_ms: 1_000,
            requests: None,
        };
        let day_ms = 24 * 60 * 60 * 1_000;
        assert!(refuse_expired(&header, 1_000 + 29 * day_ms).is_ok());
        let error = refuse_expired(&header, 1_000 + 31 * day_ms).unwrap_err();
        assert_eq!(error.to_string(), "load `cafe0123` is 31 days old, and events are kept for 30");
    }
}
