//! The records between a consumer's fences and the ends of the partitions.

use futures_util::{StreamExt, TryStreamExt, stream};
use progress::{ReadError, Statuses};
use tokio::time::{Instant, timeout_at};

use crate::Span;

/// Fences read at a time: enough for a topic of any usual size to be read in a few round trips.
const FENCES_AT_ONCE: usize = 16;

/// A table that did not tell.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not before the deadline.
    #[error("the table did not answer in time")]
    Timeout,
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// How many records of these spans a consumer has not reached.
pub async fn lag(
    spans: &[Span],
    table: &impl Statuses,
    deadline: Instant,
) -> Result<i64, TableError> {
    stream::iter(spans.to_vec())
        .map(|span| async move {
            let next = in_time(table.next(span.partition), deadline).await?;
            Ok::<i64, TableError>(records_left(span, next))
        })
        .buffer_unordered(FENCES_AT_ONCE)
        .try_fold(0, |sum, records| async move { Ok(sum + records) })
        .await
}

/// Records that retention has removed are nobody's work any more.
fn records_left(span: Span, next: Option<i64>) -> i64 {
    let from = next.map_or(span.low, |next| next.max(span.low));
    (span.end - from).max(0)
}

/// What a read of the table gives before a deadline.
pub async fn in_time<V>(
    read: impl Future<Output = Result<V, ReadError>>,
    deadline: Instant,
) -> Result<V, TableError> {
    match timeout_at(deadline, read).await {
        Ok(read) => Ok(read?),
        Err(_elapsed) => Err(TableError::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use event::Coordinates;
    use progress::Status;

    use super::*;

    struct Fences(BTreeMap<i32, i64>);

    impl Statuses for Fences {
        async fn status(&self, _: Coordinates) -> Result<Status, ReadError> {
            Ok(Status::Pending)
        }

        async fn next(&self, partition: i32) -> Result<Option<i64>, ReadError> {
            Ok(self.0.get(&partition).copied())
        }
    }

    #[tokio::test]
    async fn only_records_that_are_still_there_are_behind() {
        let spans = [
            Span { partition: 0, low: 0, end: 10 },
            Span { partition: 1, low: 5, end: 10 },
            Span { partition: 2, low: 7, end: 9 },
            Span { partition: 3, low: 0, end: 4 },
        ];
        let fences = Fences(BTreeMap::from([(0, 8), (2, 3), (3, 6)]));
        let deadline = Instant::now() + Duration::from_secs(30);
        assert_eq!(lag(&spans, &fences, deadline).await.unwrap(), 2 + 5 + 2);
    }
}
