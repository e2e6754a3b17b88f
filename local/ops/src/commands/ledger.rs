//! `cargo ops ledger`: finds every event of a load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use load::{OutcomeFile, RunHeader, RunId};
use millrace::{Exit, Place, PoisonFile, running, terminal};
use progress::{Policy, Position};

use crate::accounts::{Accounts, Found, Totals};
use crate::args::LedgerArgs;
use crate::dead_letters::{self, DeadLetter};
use crate::drain::drained;
use crate::failure::OpsFailure;
use crate::failures::{Claim, Failures};
use crate::load_id::load_id;
use crate::pipeline::{Pipeline, account};
use crate::surroundings::Surroundings;
use crate::tables;

/// The scenario whose requests are orders.
const ORDERS: &str = "orders";

/// Where `cargo local load` keeps its outcomes, in the data folder.
const LOAD_FOLDER: &str = "load";

/// Accounts for the load, prints the ledger.
pub(crate) async fn run(place: &Place, args: LedgerArgs) -> Result<Exit, OpsFailure> {
    let data = place.data_folder()?;
    running(place)?;
    let file = OutcomeFile::open(&outcome_file(&data, args.run)?)?;
    let header = file.header().clone();
    if header.anonymous {
        let RunHeader { run, scenario, .. } = header;
        return Err(OpsFailure::Anonymous { run, scenario });
    }
    refuse_expired(&header, Timestamp::now().as_millisecond())?;
    if header.scenario == ORDERS {
        return orders(place, &file, &args).await;
    }
    let surroundings = Surroundings::find(place).await?;
    let mut accounts = Accounts::open(header.run.to_string(), file.outcomes());
    drop(file);

    let mut failures = failures(&surroundings, &data, header.run)?;
    let drained = drained(&surroundings, Duration::from_secs(args.wait)).await?;
    book_processed(&surroundings, &header, &mut accounts, &mut failures).await?;
    let mut letters = dead_letters::read(&surroundings).await?;
    while let Some(letter) = letters.recv().await {
        book_letter(&mut accounts, &mut failures, &surroundings.stream.topic, &letter?);
    }
    accounts.book_nameless(failures.nameless());
    if let Some(poison) = failures.poison() {
        accounts.book_poison(poison);
    }
    let totals = accounts.close(drained);
    print(header.run, &totals, args.json)?;
    Ok(if totals.holds() { Exit::Done } else { Exit::Failed })
}

/// Accounts for a load of orders.
async fn orders(place: &Place, file: &OutcomeFile, args: &LedgerArgs) -> Result<Exit, OpsFailure> {
    let pipeline = Pipeline::find(place).await?;
    let drained = pipeline.settled(Duration::from_secs(args.wait)).await?;
    let found = account(&pipeline, file, drained).await?;
    if args.json {
        terminal::out(serde_json::to_string(&found).expect("counts become JSON") + "\n")?;
    } else {
        print(file.header().run, &found.totals, false)?;
        terminal::out(tables::orders(&found))?;
    }
    Ok(if found.holds() { Exit::Done } else { Exit::Failed })
}

/// Expects the poison that was written into the topic while the load ran.
fn failures(surroundings: &Surroundings, data: &Path, run: RunId) -> Result<Failures, OpsFailure> {
    let poison = PoisonFile::read(&data.join(LOAD_FOLDER), run);
    let poison = poison.map_err(|source| OpsFailure::Poison { run, source })?;
    let here = poison.into_iter().filter(|place| place.topic == surroundings.stream.topic);
    Ok(Failures::expecting(here.map(|place| (place.partition, place.offset)).collect()))
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

/// Books every archived body, and the places of the records that failed.
async fn book_processed(
    surroundings: &Surroundings,
    header: &RunHeader,
    accounts: &mut Accounts,
    failures: &mut Failures,
) -> Result<(), OpsFailure> {
    let _waiting = terminal::Waiting::start("reading the archive");
    let partitions = surroundings.offsets(&surroundings.stream.topic).await?.len();
    for partition in (0..).take(partitions) {
        let mut history = surroundings.history(partition, Position::default()).await?;
        while let Some(chunks) = history.next_page().await? {
            for chunk in chunks {
                let recent = chunk.applied_at_ms >= header.started_ms;
                for (offset, reason) in &chunk.failed {
                    failures.add((partition, *offset), reason, recent);
                }
                for record in surroundings.ledger.bodies(&chunk).await? {
                    if let Some(id) = load_id(&record.body) {
                        accounts.book(&id, Found::Processed);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Books a dead letter, and the failure of the record it is a copy of. Letters come at least once:
/// the second of one record is the failure of none.
fn book_letter(accounts: &mut Accounts, failures: &mut Failures, topic: &str, letter: &DeadLetter) {
    let DeadLetter { origin, value } = letter;
    // A letter without the value does not say whose it is.
    let Some(value) = value.as_deref().filter(|_| origin.topic == topic) else { return };
    let spot = (origin.partition, origin.offset);
    match load_id(value).filter(|id| accounts.book(id, Found::Dead)) {
        Some(id) => {
            if let Some(Claim { kind, times }) = failures.claim(spot) {
                for _ in 0..times {
                    accounts.book(&id, Found::Failed);
                }
                accounts.book_reason(kind);
            }
        }
        None => failures.disown(spot),
    }
}

fn print(run: RunId, totals: &Totals, json: bool) -> Result<(), OpsFailure> {
    if json {
        let text = serde_json::to_string(totals).expect("counts become JSON");
        terminal::out(text + "\n")?;
    } else {
        terminal::note(format!("load {run}"));
        terminal::out(tables::ledger(totals))?;
    }
    let missing = totals.lost + totals.unknown;
    for (what, ids, count) in [
        ("lost", &totals.lost_ids, missing),
        ("applied twice", &totals.twice_ids, totals.twice),
        ("refused, yet applied", &totals.refused_applied_ids, totals.refused_applied),
    ] {
        if count > 0 {
            terminal::note(tables::ids(what, ids, count));
        }
    }
    if totals.unknown > 0 {
        terminal::note(format!(
            "{} of those lost may be among records that failed: their dead letters are gone, or \
             were too large to carry the value",
            totals.unknown
        ));
    }
    if totals.waiting {
        terminal::note(
            "nothing is certain, for records still wait: `cargo local lag` tells where; --wait waits longer",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use load::Outcome;

    use super::*;
    use crate::accounts::Drained;
    use crate::dead_letters::Origin;

    const RUN: &str = "cafe0123";

    fn letter(topic: &str, offset: i64, load_id: &str) -> DeadLetter {
        let origin = Origin { topic: topic.to_owned(), partition: 0, offset };
        let value = format!(r#"{{"load_id":"{load_id}"}}"#).into_bytes();
        DeadLetter { origin, value: Some(value) }
    }

    /// The totals of a run of one request, accepted, whose record at offset 4 failed.
    fn totals(letters: &[DeadLetter]) -> Totals {
        let mut accounts = Accounts::open(RUN.to_owned(), std::iter::once(Outcome::Accepted));
        let mut failures = Failures::default();
        failures.add((0, 4), "no JSON", true);
        for letter in letters {
            book_letter(&mut accounts, &mut failures, "events", letter);
        }
        accounts.book_nameless(failures.nameless());
        accounts.close(Drained::Yes)
    }

    #[test]
    fn a_repeated_dead_letter_is_one_failure() {
        let letter = || letter("events", 4, "cafe0123-0");
        let totals = totals(&[letter(), letter()]);
        assert_eq!((totals.failed, totals.dead, totals.twice, totals.lost), (1, 1, 0, 0));
    }

    #[test]
    fn a_record_that_was_given_up_twice_is_told() {
        let mut accounts = Accounts::open(RUN.to_owned(), std::iter::once(Outcome::Accepted));
        let mut failures = Failures::default();
        failures.add((0, 4), "no JSON", true);
        failures.add((0, 4), "no JSON", true);
        let letter = letter("events", 4, "cafe0123-0");
        book_letter(&mut accounts, &mut failures, "events", &letter);
        let totals = accounts.close(Drained::Yes);
        assert_eq!((totals.failed, totals.twice, totals.holds()), (1, 1, false));
    }

    #[test]
    fn letters_of_other_topics_and_runs_are_nobodys_failure() {
        let totals =
            totals(&[letter("orders", 4, "cafe0123-0"), letter("events", 4, "beef0123-0")]);
        assert_eq!((totals.failed, totals.dead, totals.lost), (0, 0, 1));
    }

    #[test]
    fn a_failure_whose_letter_is_gone_or_carries_no_value_may_be_the_missing_id() {
        let bare = DeadLetter { value: None, ..letter("events", 4, "") };
        for letters in [&[][..], &[bare]] {
            let totals = totals(letters);
            assert_eq!((totals.failed, totals.unknown, totals.lost), (0, 1, 0));
        }
    }

    #[test]
    fn the_reason_of_a_failure_is_told() {
        let totals = totals(&[letter("events", 4, "cafe0123-0")]);
        assert_eq!(totals.reasons["no JSON"], 1);
    }

    #[test]
    fn a_letter_of_another_run_at_the_same_place_takes_no_failure_away() {
        let letters = [letter("events", 4, "beef0123-0"), letter("events", 4, "cafe0123-0")];
        assert_eq!(totals(&letters).failed, 1);
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
                anonymous: false,
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
            anonymous: false,
        };
        let day_ms = 24 * 60 * 60 * 1_000;
        assert!(refuse_expired(&header, 1_000 + 29 * day_ms).is_ok());
        let error = refuse_expired(&header, 1_000 + 31 * day_ms).unwrap_err();
        assert_eq!(error.to_string(), "load `cafe0123` is 31 days old, and events are kept for 30");
    }
}
