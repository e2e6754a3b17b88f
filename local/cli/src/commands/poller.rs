//! `poller`, started by `up` alone: one mapping of a running stack, polled by a process that can
//! be killed without anything else. It obeys lines on its standard input and stops at their end.

use std::sync::Arc;

use poller::Poller;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::args::{Place, PollerArgs};
use crate::failure::CommandError;
use crate::running::running;
use crate::stack::{MappingName, function_timeouts, line, mapping_detail};
use crate::{tables, terminal};

pub(super) async fn run(place: &Place, options: PollerArgs) -> Result<(), CommandError> {
    let running = running(place)?;
    let plan = running.plan()?;
    let wanted = running.mapping_config(&plan, &options.mapping, &place.data_folder()?)?;
    let mut config = wanted.ok_or(CommandError::NoMapping { wanted: options.mapping })?;
    config.enabled = !options.paused;
    let name = MappingName {
        id: config.id.clone(),
        function: config.function.clone(),
        topic: config.topic.clone(),
    };
    let lambda = running.lambda.clone();
    let lambda =
        lambda.parse().map_err(|source| CommandError::Address { address: lambda, source })?;
    let invoke = invoke::Client::new(lambda).with_timeouts(function_timeouts(&plan));
    let poller = Poller::start(config, Arc::new(invoke))
        .map_err(|source| CommandError::Poller(Box::new(source)))?;
    terminal::out(format!("{}\n", line::READY))?;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    // An error is an end, too.
    while let Ok(Some(order)) = orders.next_line().await {
        match order.as_str() {
            line::STATUS => {
                let detail = mapping_detail(name.clone(), poller.status().await);
                terminal::out(tables::json(&detail))?;
            }
            line::PAUSE => poller.pause().await,
            line::RESUME => poller.resume().await,
            _ => tracing::warn!(order, "an order makes no sense"),
        }
    }
    poller.shutdown().await;
    Ok(())
}
