//! Latency without company: one order after the other, until it can be read what became of it.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Drill, Verdict};
use crate::failure::OpsFailure;
use crate::http::Gateway;

/// Between two looks at an order: a fraction of what is measured.
const LOOK: Duration = Duration::from_millis(2);

/// How long one order may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(drill: &Drill, orders: u64) -> Result<Verdict, OpsFailure> {
    let gateway = Gateway::new(&drill.pipeline.run.gateway);
    let item = format!("{}-0", drill.prefix);
    let order = json!({"user_id": "drill", "item": item, "quantity": 1});
    // Functions start with their first request, which is not what is measured.
    one(&gateway, &order).await?;
    let (mut placed, mut decided) = (Vec::new(), Vec::new());
    let mut undecided = 0_u64;
    for _ in 0..orders {
        match one(&gateway, &order).await? {
            Some((to_receipt, to_outcome)) => {
                placed.push(to_receipt);
                decided.push(to_outcome);
            }
            None => undecided += 1,
        }
    }
    let mut verdict = Verdict::of("baseline");
    verdict.figure("orders", orders);
    for (what, times) in [("receipt", placed), ("outcome", decided)] {
        for (name, ms) in distribution(times) {
            verdict.figure(&format!("{what}_{name}_ms"), ms);
        }
    }
    verdict.claim("every order was accepted and decided", undecided == 0);
    Ok(verdict)
}

/// How long one order took to its receipt, and to its outcome; `None` where it has none.
async fn one(
    gateway: &Gateway,
    order: &serde_json::Value,
) -> Result<Option<(Duration, Duration)>, OpsFailure> {
    let start = Instant::now();
    let (status, body) = gateway.post("/order", order).await?;
    let to_receipt = start.elapsed();
    let Some(order_id) = body["order_id"].as_str().filter(|_| status.is_success()) else {
        return Ok(None);
    };
    let path = format!("/order/{order_id}");
    while start.elapsed() < PATIENCE {
        let (_, body) = gateway.get(&path).await?;
        if body["status"] == "reserved" || body["status"] == "failed" {
            return Ok(Some((to_receipt, start.elapsed())));
        }
        sleep(LOOK).await;
    }
    Ok(None)
}

/// Average, minimum, maximum and percentiles in milliseconds; none of no times.
fn distribution(mut times: Vec<Duration>) -> Vec<(&'static str, f64)> {
    times.sort_unstable();
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Vec::new() };
    let many = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).saturating_sub(1)];
    let average = times.iter().sum::<Duration>() / many;
    [
        ("average", average),
        ("min", *first),
        ("p50", at(50)),
        ("p95", at(95)),
        ("p99", at(99)),
        ("max", *last),
    ]
    .map(|(name, time)| (name, (time.as_secs_f64() * 100_000.0).round() / 100.0))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_times_seen() {
        let times = (1..=100).rev().map(Duration::from_millis).collect();
        let expected = [
            ("average", 50.5),
            ("min", 1.0),
            ("p50", 50.0),
            ("p95", 95.0),
            ("p99", 99.0),
            ("max", 100.0),
        ];
        assert_eq!(distribution(times), expected);
        assert_eq!(distribution(Vec::new()), []);
        assert!(
            distribution(vec![Duration::from_millis(3)])
                .iter()
                .all(|(_, ms)| (*ms - 3.0).abs() < 1e-9)
        );
    }
}
