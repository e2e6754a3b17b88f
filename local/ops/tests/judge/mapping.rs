//! A mapping in place of the cloud's own: the real poller with an `Invoke` that may cheat.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millrace::RunFile;
use poller::{EventSource, FailureHandling, MappingConfig, Poller, Pollers, StartingPosition};
use serde_json::Value;

use crate::cloud::{Cloud, PATIENCE, text};
use crate::sabotage::{Sabotage, Saboteur};

/// A running mapping of the topic of events.
#[derive(Debug)]
pub(crate) struct FakeMapping {
    poller: Poller,
    saboteur: Arc<Saboteur>,
}

impl FakeMapping {
    /// Takes the place of the cloud's mapping, which is paused: reads for the same group.
    pub(crate) async fn start(cloud: &Cloud, sabotage: Sabotage) -> Self {
        let run = RunFile::read(&cloud.data()).expect("readable").expect("it runs");
        let lambda = run.lambda.parse().expect("a URL");
        let saboteur = Saboteur::new(sabotage, invoke::Client::new(lambda), &run, cloud.topic());
        let saboteur = Arc::new(saboteur.await);
        let id = id(cloud);
        let config = MappingConfig {
            function: "process_events".to_owned(),
            topic: cloud.topic().to_owned(),
            bootstrap_servers: run.kafka.clone(),
            source: EventSource::Msk { cluster_arn: run.cluster_arn.clone() },
            batch_size: 100,
            window: Some(Duration::from_millis(50)),
            starting_position: StartingPosition::TrimHorizon,
            group_id: id.clone(),
            enabled: true,
            filters: Vec::new(),
            failures: FailureHandling::default(),
            pollers: Pollers::default(),
            system_log: None,
            access: poller::Access::default(),
            client_settings: BTreeMap::new(),
            id,
        };
        let invoke: Arc<Saboteur> = Arc::clone(&saboteur);
        let poller = Poller::start(config, invoke).expect("it starts");
        Self { poller, saboteur }
    }

    /// Waits until so many records were delivered, and stops; gives the ids of those wronged.
    pub(crate) async fn stop_after(self, records: usize) -> Vec<String> {
        let Self { poller, saboteur } = self;
        let delivered = tokio::time::timeout(PATIENCE, saboteur.delivered(records)).await;
        delivered.expect("every record is delivered in time");
        poller.shutdown().await;
        saboteur.wronged().await
    }
}

/// The id of the cloud's own mapping, after which its group is named.
fn id(cloud: &Cloud) -> String {
    let list = cloud.millrace(&["mapping", "list", "--json"]);
    assert!(list.status.success(), "{}", text(&list));
    let list: Value = serde_json::from_slice(&list.stdout).expect("`mapping list --json` is JSON");
    list["mappings"][0]["id"].as_str().expect("a mapping has an id").to_owned()
}
