//! What a mapping counts: CloudWatch's metrics of event source mappings, as totals.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// The counters of `EventCount` and `ErrorCount`, since the mapping was started.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// `PolledEventCount`: records read.
    pub polled: u64,
    /// `FilteredOutEventCount`: records that no filter lets pass.
    pub filtered_out: u64,
    /// `InvokedEventCount`: records sent to the function, again for each retry.
    pub invoked: u64,
    /// `FailedInvokeEventCount`: records of batches that failed, in part or as a whole.
    pub failed_invoke: u64,
    /// `DroppedEventCount`: records given up that are in no destination.
    pub dropped: u64,
    /// `OnFailureDestinationDeliveredEventCount`: records given up that are in the destination.
    pub delivered: u64,
    /// `CommittedEventCount`: by how much committed offsets moved.
    pub committed: u64,
    /// `PollingErrorCount`: errors while reading from Kafka.
    pub polling_errors: u64,
    /// `InvokeErrorCount`: invocations that failed or did not reach the function.
    pub invoke_errors: u64,
    /// `OnFailureDestinationDeliveryErrorCount`: deliveries that the destination did not take.
    pub delivery_errors: u64,
    /// `CommitErrorCount`: commits that failed.
    pub commit_errors: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            polled,
            filtered_out,
            invoked,
            failed_invoke,
            dropped,
            delivered,
            committed,
            polling_errors,
            invoke_errors,
            delivery_errors,
            commit_errors,
        } = other;
        self.polled += polled;
        self.filtered_out += filtered_out;
        self.invoked += invoked;
        self.failed_invoke += failed_invoke;
        self.dropped += dropped;
        self.delivered += delivered;
        self.committed += committed;
        self.polling_errors += polling_errors;
        self.invoke_errors += invoke_errors;
        self.delivery_errors += delivery_errors;
        self.commit_errors += commit_errors;
    }
}
