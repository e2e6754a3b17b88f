//! What was written is read back, and what is no outcome file is refused.

use super::*;

fn header() -> RunHeader {
    RunHeader {
        run: "0000beef".parse().unwrap(),
        scenario: "events".to_owned(),
        url: "http://127.0.0.1:3000".to_owned(),
        started_ms: 5,
        requests: Some(10),
        anonymous: false,
    }
}

#[tokio::test]
async fn outcomes_in_any_order_read_back_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("load");
    let mut writer = OutcomeWriter::create(&directory, &header()).await.unwrap();
    writer.push(4, Outcome::Accepted).await.unwrap();
    writer.push(3, Outcome::Refused).await.unwrap();
    writer.flush().await.unwrap();
    writer.push(0, Outcome::Ambiguous).await.unwrap();
    writer.push(6, Outcome::Accepted).await.unwrap();
    writer.flush().await.unwrap();

    let path = OutcomeFile::path(&directory, header().run);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"run":"0000beef","scenario":"events","url":"http://127.0.0.1:3000","started_ms":5,"requests":10}"#,
            "\n???ra?a"
        )
    );
    let file = OutcomeFile::open(&path).unwrap();
    assert_eq!(file.header(), &header());
    assert_eq!(file.outcomes().len(), 7);
    assert_eq!(file.outcome(3), Outcome::Refused);
    assert_eq!(file.outcome(9), Outcome::NotSent, "beyond the end");
}

#[tokio::test]
async fn a_large_gap_and_many_outcomes_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = OutcomeWriter::create(folder.path(), &header()).await.unwrap();
    for sequence in 200_000..220_000 {
        writer.push(sequence, Outcome::Accepted).await.unwrap();
    }
    writer.flush().await.unwrap();
    let file = OutcomeFile::open(&OutcomeFile::path(folder.path(), header().run)).unwrap();
    let outcomes: Vec<_> = file.outcomes().collect();
    assert_eq!(outcomes.len(), 220_000);
    let (under_way, accepted) = outcomes.split_at(200_000);
    assert!(under_way.iter().all(|outcome| *outcome == Outcome::Ambiguous));
    assert!(accepted.iter().all(|outcome| *outcome == Outcome::Accepted));
}

#[tokio::test]
async fn what_is_under_way_is_ambiguous_until_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = OutcomeWriter::create(folder.path(), &header()).await.unwrap();
    let outcomes = || {
        let file = OutcomeFile::open(&OutcomeFile::path(folder.path(), header().run)).unwrap();
        file.outcomes().map(|outcome| char::from(outcome.byte())).collect::<String>()
    };
    writer.push(1, Outcome::Accepted).await.unwrap();
    writer.flush_and_mark(4).await.unwrap();
    assert_eq!(outcomes(), "?a??");
    writer.push(2, Outcome::NotSent).await.unwrap();
    writer.push(0, Outcome::Refused).await.unwrap();
    writer.flush_and_mark(4).await.unwrap();
    assert_eq!(outcomes(), "ra.?");
}

#[tokio::test]
async fn the_file_of_another_run_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let first = OutcomeWriter::create(folder.path(), &header()).await;
    assert!(first.is_ok());
    let error = OutcomeWriter::create(folder.path(), &header()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn the_latest_file_is_that_of_the_run_that_started_last() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(OutcomeFile::latest(&folder.path().join("missing")).unwrap(), None);
    assert_eq!(OutcomeFile::latest(folder.path()).unwrap(), None);
    std::fs::write(folder.path().join("zzz.txt"), "not ours").unwrap();
    for (run, started_ms) in [("0000000a", 5), ("0000000b", 7), ("0000000c", 6)] {
        let header = RunHeader { run: run.parse().unwrap(), started_ms, ..header() };
        let mut writer = OutcomeWriter::create(folder.path(), &header).await.unwrap();
        writer.push(0, Outcome::Accepted).await.unwrap();
        writer.flush().await.unwrap();
    }
    let expected = folder.path().join("0000000b.outcomes");
    assert_eq!(OutcomeFile::latest(folder.path()).unwrap(), Some(expected));
}

#[test]
fn refuses_what_is_no_outcome_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.outcomes");
    let open = |content: &str| {
        std::fs::write(&path, content).unwrap();
        OutcomeFile::open(&path)
    };
    let line = serde_json::to_string(&header()).unwrap();
    assert!(matches!(open("aaa"), Err(OutcomeFileError::Header { .. })));
    let broken = open(&format!("{line}\naa!"));
    assert!(matches!(broken, Err(OutcomeFileError::Byte { sequence: 2, byte: b'!', .. })));
    assert_eq!(open(&line).unwrap().outcomes().len(), 0);
    let missing = OutcomeFile::open(&folder.path().join("missing"));
    assert!(matches!(missing, Err(OutcomeFileError::Read { .. })));
}
