//! `cargo ops ledger`: finds every event of a load.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use load::{OutcomeFile, RunId};
use millrace::{Exit, terminal};
use progress::store::Store as _;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::accounts::{Accounts, Drained, Found, Verdict};
use crate::args::LedgerArgs;
use crate::dead_letters;
use crate::failure::OpsFailure;
use crate::surroundings::Surroundings;
use crate::tables;

/// How often the fences are compared with the ends of the topic while records wait.
const LOOK: Duration = Duration::from_millis(100);

/// Where `cargo local load` keeps its outcomes, in the data folder.
const LOAD_FOLDER: &str = "load";

/// The part of a body that is the generator's own.
#[derive(Deserialize)]
struct Generated<'a> {
    #[serde(borrow)]
    load_id: Option<Cow<'a, str>>,
}

/// The generator's id in a body; `None` for events of other origin.
fn load_id(body: &[u8]) -> Option<String> {
    let generated: Generated<'_> = serde_json::from_slice(body).ok()?;
    generated.load_id.map(Cow::into_owned)
}

/// Accounts for the load, prints the ledger.
pub(crate) async fn run(args: LedgerArgs) -> Result<Exit, OpsFailure> {
    let surroundings = Surroundings::find(&args.data).await?;
    let path = outcome_file(&args.data, args.run)?;
    let file = OutcomeFile::open(&path).map_err(OpsFailure::Outcomes)?;
    let mut accounts = Accounts::open(file.header().run.to_string(), file.outcomes().collect());

    let drained = wait_until_drained(&surroundings, Duration::from_secs(args.wait)).await?;
    let failed = book_processed(&surroundings, &mut accounts).await?;
    for letter in dead_letters::read(&surroundings).await? {
        let Some(id) = load_id(&letter.value) else { continue };
        accounts.book(&id, Found::Dead);
        if failed.contains(&letter.origin) {
            accounts.book(&id, Found::Failed);
        }
    }
    let verdict = accounts.close(drained);
    print(&verdict, args.json);
    Ok(if verdict.holds() { Exit::Done } else { Exit::Failed })
}

/// The file of the run asked for, or of the latest.
fn outcome_file(data: &Path, run: Option<RunId>) -> Result<PathBuf, OpsFailure> {
    let directory = data.join(LOAD_FOLDER);
    let found = match run {
        Some(run) => Some(OutcomeFile::path(&directory, run)).filter(|path| path.exists()),
        None => OutcomeFile::latest(&directory).map_err(OpsFailure::Outcomes)?,
    };
    found.ok_or_else(|| OpsFailure::NoLoad { data: data.to_owned() })
}

/// Waits until every fence has reached the end of its partition, for as long as `patience` lasts.
async fn wait_until_drained(
    surroundings: &Surroundings,
    patience: Duration,
) -> Result<Drained, OpsFailure> {
    let waiting = terminal::Waiting::start("waiting until every record is processed");
    let give_up = Instant::now() + patience;
    let ends = surroundings.ends(&surroundings.stream.topic).await?;
    loop {
        let behind = behind(surroundings, &ends).await?;
        if behind == 0 {
            return Ok(Drained::Yes);
        }
        if Instant::now() >= give_up {
            return Ok(Drained::No);
        }
        waiting.say(format!("waiting until {behind} records are processed"));
        sleep(LOOK).await;
    }
}

/// How many records lie between the fences and the ends.
async fn behind(surroundings: &Surroundings, ends: &[i64]) -> Result<i64, OpsFailure> {
    let mut behind = 0;
    for (partition, end) in (0..).zip(ends) {
        let key = surroundings.consumer.partition(&surroundings.stream, partition);
        let fence = surroundings.ledger.store().fence(&key).await;
        let fence = fence.map_err(|source| OpsFailure::Progress(source.into()))?;
        behind += (end - fence.map_or(0, |fence| fence.next)).max(0);
    }
    Ok(behind)
}

/// Books every archived body; gives the places of the records that failed.
async fn book_processed(
    surroundings: &Surroundings,
    accounts: &mut Accounts,
) -> Result<BTreeSet<(i32, i64)>, OpsFailure> {
    let mut failed = BTreeSet::new();
    let partitions = surroundings.ends(&surroundings.stream.topic).await?.len();
    for partition in (0..).take(partitions) {
        let mut history = surroundings.history(partition, progress::Position::default()).await?;
        while let Some(chunks) = history.next_page().await.map_err(OpsFailure::Progress)? {
            for chunk in chunks {
                failed.extend(chunk.failed.keys().map(|offset| (partition, *offset)));
                let bodies = surroundings.ledger.bodies(&chunk).await;
                for record in bodies.map_err(OpsFailure::Progress)? {
                    if let Some(id) = load_id(&record.body) {
                        accounts.book(&id, Found::Processed);
                    }
                }
            }
        }
    }
    Ok(failed)
}

fn print(verdict: &Verdict, json: bool) {
    if json {
        let totals = serde_json::to_string(&verdict.totals).expect("counts become JSON");
        terminal::out(totals + "\n");
    } else {
        terminal::out(tables::ledger(&verdict.totals));
    }
    for (what, ids) in [("lost", &verdict.lost), ("applied twice", &verdict.twice)] {
        if !ids.is_empty() {
            terminal::note(format!("{what}: {}", ids.join(" ")));
        }
    }
}
