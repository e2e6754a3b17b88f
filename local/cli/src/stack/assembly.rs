//! Starts the parts in the order in which they need each other, and connects them.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use broker::BrokerConfig;
use gateway::Gateway;
use host::{Host, HostConfig, LogLine};
use invoke::Invoke;
use poller::{Access, MappingConfig, Poller};
use table::Table;
use template::Plan;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::front::Front;
use super::kafka::{Embedded, Kafka};
use super::mappings::{MappingName, RunningMapping, Seat};
use super::owner::{Owned, Parts};
use super::poller_process::Launch;
use super::ports::{Bound, Listeners};
use super::wiring::Environments;
use super::{Addresses, StackConfig, UpError, cluster, wiring};
use crate::build::Program;
use crate::control::{Control, REQUESTS_MAX};
use crate::data_folder::Layout;
use crate::log_files::LogWriter;

/// All that is known before the parts start.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    pub(super) config: &'a StackConfig,
    pub(super) plan: &'a Plan,
    pub(super) addresses: &'a Addresses,
    pub(super) layout: &'a Layout,
    /// How to get at a Kafka elsewhere.
    pub(super) kafka_access: &'a Access,
}

impl Assembly<'_> {
    /// Starts everything on `listeners`; `programs` holds one for each function that runs here.
    pub(super) async fn start(
        &self,
        listeners: Listeners,
        programs: &BTreeMap<String, Program>,
        mappings: Vec<MappingConfig>,
    ) -> Result<Owned, UpError> {
        let Listeners { gateway, lambda, kafka, table, control } = listeners;
        let tables = wiring::tables(self.plan);
        let table =
            Table::start(table.listener, &self.layout.table(), &tables).map_err(UpError::Table)?;
        let kafka = self.kafka(kafka).await?;
        let (logs, lines) = LogWriter::start(self.layout.logs(), self.config.notices.clone());
        let front = Front::start().map_err(UpError::Front)?;
        let host = lambda.map(|bound| self.host(&front, bound, programs, lines));
        let host = host.transpose().map_err(UpError::Front)?;
        let invoke: Arc<dyn Invoke> = match (&host, &self.config.functions) {
            (Some(host), _) => host.invoker(),
            (None, Some(endpoint)) => {
                let timeouts = wiring::function_timeouts(self.plan);
                Arc::new(invoke::Client::new(endpoint.clone()).with_timeouts(timeouts))
            }
            (None, None) => unreachable!("the host's port is taken unless functions run elsewhere"),
        };
        let mappings = start_mappings(mappings, &invoke)?;
        let gateway = self.gateway(&front, gateway, invoke)?;
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let stop = CancellationToken::new();
        let control = Control::start(control.listener, sender, stop.clone());
        let launch = self
            .config
            .poller_program
            .clone()
            .map(|program| Launch { program, data: self.layout.root().to_owned() });
        let parts = Parts { gateway, mappings, host, front, kafka, launch, table, logs, control };
        Ok(Owned { parts, addresses: self.addresses.clone(), requests, stop })
    }

    /// The embedded broker with the template's topics; with `--kafka`, the topics there.
    async fn kafka(&self, bound: Option<Bound>) -> Result<Kafka, UpError> {
        let Some(bound) = bound else {
            let (kafka, topics) = (&self.addresses.kafka, &self.plan.topics);
            cluster::create_topics(kafka, topics, self.kafka_access).await?;
            return Ok(Kafka::Elsewhere);
        };
        let topics = wiring::topics(self.plan);
        let config = BrokerConfig {
            topics,
            fsync: self.config.fsync,
            ..BrokerConfig::new(self.layout.kafka())
        };
        let embedded = Embedded::start(bound, config).await.map_err(UpError::Broker)?;
        Ok(Kafka::Embedded(Box::new(embedded)))
    }

    fn gateway(
        &self,
        front: &Front,
        bound: Bound,
        invoke: Arc<dyn Invoke>,
    ) -> Result<Gateway, UpError> {
        let apis = wiring::apis(self.plan);
        let start = |listener| Gateway::start(listener, apis, invoke);
        front.start_on(bound.listener, start).map_err(UpError::Front)?.map_err(UpError::Gateway)
    }

    fn host(
        &self,
        front: &Front,
        bound: Bound,
        programs: &BTreeMap<String, Program>,
        logs: mpsc::Sender<LogLine>,
    ) -> io::Result<Host> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let processors = u32::try_from(processors).unwrap_or(u32::MAX);
        let environments = Environments::new(self.config.environments, processors);
        let config = HostConfig {
            region: wiring::REGION.to_owned(),
            account_id: wiring::ACCOUNT.to_owned(),
            functions: wiring::functions(self.plan, programs, environments),
            shared_environment: wiring::shared_environment(self.addresses),
            account_concurrency: self.config.account_concurrency,
            logs,
        };
        front.start_on(bound.listener, |listener| Host::start(listener, config))
    }
}

fn start_mappings(
    configs: Vec<MappingConfig>,
    invoke: &Arc<dyn Invoke>,
) -> Result<Vec<RunningMapping>, UpError> {
    let mappings = configs.into_iter().map(|config| {
        let (id, function, topic) =
            (config.id.clone(), config.function.clone(), config.topic.clone());
        let enabled = config.enabled;
        match Poller::start(config, Arc::clone(invoke)) {
            Ok(poller) => {
                let name = MappingName { id, function, topic };
                Ok(RunningMapping { name, seat: Some(Seat::Inside(poller)), enabled })
            }
            Err(source) => {
                let source = Box::new(source);
                Err(UpError::Mapping { function, topic, source })
            }
        }
    });
    mappings.collect()
}
