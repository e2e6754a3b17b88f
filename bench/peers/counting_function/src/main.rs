//! A function that counts the records of its batches: what they cost is their mapping's doing. Of a
//! record whose value is a time, nanoseconds since 1970, it says how long it took to come.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use kafka_batch::Batch;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;

static COUNTED: AtomicUsize = AtomicUsize::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Box<RawValue>>| count(event.payload.get()))).await
}

fn count(event: &str) -> Result<(), Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let batch = Batch::parse(event.as_bytes())?;
    COUNTED.fetch_add(batch.record_count(), Ordering::Relaxed);
    for record in batch.slices().iter().flat_map(|slice| &slice.records) {
        let value = record.value.as_deref().filter(|value| value.first() != Some(&b'x'));
        let time = value.and_then(|value| str::from_utf8(value).ok()?.parse::<u128>().ok());
        if let Some(time) = time {
            println!("waited {} us", now.saturating_sub(time) / 1_000);
        }
    }
    Ok(())
}
