//! What the template tells a function, as far as commands look at it.

use std::collections::BTreeMap;

use event::{KeyRing, Stream};
use millrace::RunFile;
use progress::Connection;
use progress::store::DynamoDb;

use crate::failure::OpsFailure;

/// The epoch of a stream whose topic was never made again.
const EPOCH_DEFAULT: &str = "1";

/// The variables of a function of the running stack.
#[derive(Debug)]
pub(crate) struct Variables {
    function: &'static str,
    values: BTreeMap<String, String>,
}

impl Variables {
    /// Those of `function`.
    pub(crate) fn of(run: &RunFile, function: &'static str) -> Result<Self, OpsFailure> {
        let mut functions = run.plan()?.functions.into_iter();
        let found = functions.find(|found| found.name == function);
        let template = run.template.clone();
        let found = found.ok_or(OpsFailure::NoFunction { template, function })?;
        Ok(Self { function, values: found.environment })
    }

    pub(crate) fn get(&self, name: &'static str) -> Result<&str, OpsFailure> {
        self.optional(name).ok_or(OpsFailure::NoVariable { function: self.function, name })
    }

    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The stream of the topic that one variable names and another tells the epoch of.
    pub(crate) fn stream(
        &self,
        run: &RunFile,
        topic: &'static str,
        epoch: &'static str,
    ) -> Result<Stream, OpsFailure> {
        Ok(Stream {
            cluster: self.optional("KAFKA_CLUSTER").unwrap_or(&run.cluster_arn).to_owned(),
            topic: self.get(topic)?.to_owned(),
            epoch: self.epoch(epoch)?,
        })
    }

    /// How often a topic was made again, from 1.
    pub(crate) fn epoch(&self, name: &'static str) -> Result<u32, OpsFailure> {
        let number = self.optional(name).unwrap_or(EPOCH_DEFAULT).parse::<u32>();
        number.map_err(|source| OpsFailure::NotAnEpoch { name, source })
    }

    pub(crate) fn key_ring(&self) -> Result<KeyRing, OpsFailure> {
        KeyRing::parse(self.get("EVENT_ID_KEY")?).map_err(OpsFailure::KeyRing)
    }

    /// The function's table.
    pub(crate) async fn table(&self, run: &RunFile) -> Result<DynamoDb, OpsFailure> {
        let connection =
            Connection::Local { endpoint: run.table.clone(), region: "us-east-1".to_owned() };
        Ok(DynamoDb::new(progress::connect(&connection).await, self.get("TABLE_NAME")?.to_owned()))
    }
}
