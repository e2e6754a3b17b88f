//! Assembles the local cloud: `up` and the tests start the same [`Stack`].
//!
//! This is the only place that knows all parts. It prints nothing.

mod assembly;
mod cluster;
mod error;
mod front;
mod kafka;
mod mappings;
mod owner;
mod poller_process;
mod ports;
mod wiring;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use host::Host;
use jiff::Timestamp;
use template::{EnvVars, Mapping, Plan, Settings, SourceAccess};

pub use error::UpError;
pub(crate) use mappings::{MappingName, detail as mapping_detail};
pub(crate) use poller_process::line;
pub use ports::Ports;
pub(crate) use wiring::{function_timeouts, mapping_id, shared_environment};

use crate::access::{self, AccessError, Keys};
use crate::build::{self, Sources};
use crate::data_folder::{DataFolder, Layout};
use crate::notice::{Notice, Notices};
use crate::reload::{Reload, Reloading};
use crate::run_file::{Published, RunFile};
use assembly::Assembly;
use owner::Owner;
use ports::{Bound, Listeners};

/// What to start, and how.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what a person chooses is independent")]
pub struct StackConfig {
    /// The SAM template.
    pub template: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// Whether to delete what earlier runs left in it.
    pub fresh: bool,
    /// Whether the embedded broker acknowledges only what is on the medium.
    pub fsync: bool,
    /// Where to listen.
    pub ports: Ports,
    /// `HOST:PORT` of a Kafka to use instead of the embedded broker.
    pub kafka: Option<String>,
    /// How to get at that Kafka.
    pub kafka_access: Vec<SourceAccess>,
    /// A file of secrets for Kafka elsewhere.
    pub secrets: Option<PathBuf>,
    /// A Lambda Invoke API to use instead of running functions.
    pub functions: Option<http::Uri>,
    /// Where programs come from.
    pub sources: Sources,
    /// Values of the template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// A file of variables in the shape of SAM's `--env-vars`.
    pub env_vars: Option<PathBuf>,
    /// How many processes of one function may run at a time; `None` for ten, and for as many as there are
    /// processors where each takes several invocations.
    pub environments: Option<u32>,
    /// How many invocations of all functions may be under way or wait at a time, where that is
    /// limited; those with a reservation of their own do not count.
    pub account_concurrency: Option<u32>,
    /// Whether a template with warnings is refused.
    pub strict: bool,
    /// Whether to build functions anew when their sources change.
    pub watch: bool,
    /// The `millrace` program, to run a mapping's poller as a process of its own where a fault asks
    /// for it; `None` refuses such faults.
    pub poller_program: Option<PathBuf>,
    /// Who wants to see what happens.
    pub notices: Notices,
}

impl StackConfig {
    /// Everything embedded and built by `cargo`, on free ports, seen by nobody.
    pub fn new(template: PathBuf, data: PathBuf) -> Self {
        let sources = Sources { cargo: PathBuf::from("cargo"), release: false, artifacts: None };
        Self {
            template,
            data,
            fresh: false,
            fsync: false,
            ports: Ports::FREE,
            kafka: None,
            kafka_access: Vec::new(),
            secrets: None,
            functions: None,
            sources,
            parameters: BTreeMap::new(),
            env_vars: None,
            environments: None,
            account_concurrency: None,
            strict: false,
            watch: false,
            poller_program: None,
            notices: Notices::unheard(),
        }
    }
}

/// Where a stack can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The HTTP API: `http://127.0.0.1:3000`.
    pub gateway: String,
    /// Lambda's Invoke API.
    pub lambda: String,
    /// Kafka: `127.0.0.1:9092`.
    pub kafka: String,
    /// The ARN under which mappings know the Kafka cluster.
    pub cluster_arn: String,
    /// DynamoDB.
    pub table: String,
    /// The control endpoint.
    pub control: String,
}

/// What other commands must know of what it was started with.
#[derive(Debug)]
struct Given {
    template: PathBuf,
    parameters: BTreeMap<String, String>,
    env_vars: Option<PathBuf>,
    secrets: Option<PathBuf>,
    kafka_elsewhere: bool,
    kafka_access: Vec<String>,
}

/// Other commands read it from other folders.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// A running local cloud.
#[derive(Debug)]
pub struct Stack {
    addresses: Addresses,
    plan: Plan,
    given: Given,
    owner: Owner,
    reload: Option<Reload>,
    published: Option<Published>,
    folder: DataFolder,
}

impl Stack {
    /// Starts everything; returns when it all listens, the mappings poll and the run file tells so.
    pub async fn start(config: StackConfig) -> Result<Self, UpError> {
        let mut stack = Self::start_unpublished(config).await?;
        stack.publish()?;
        Ok(stack)
    }

    /// Starts everything, and leaves it to the caller to [`Stack::publish`].
    pub(crate) async fn start_unpublished(config: StackConfig) -> Result<Self, UpError> {
        let keys =
            Keys::open(config.secrets.as_deref(), config.kafka.as_deref(), &config.kafka_access)?;
        let folder = DataFolder::take(Layout::new(config.data.clone())).await?;
        let own = (config.functions.is_none(), config.kafka.is_none());
        let listeners = Listeners::take(config.ports, own.0, own.1).await?;
        if config.fresh {
            folder.clear()?;
        }
        let addresses = addresses(&config, &keys, &listeners, folder.layout()).await?;
        let env_vars = config.env_vars.as_deref();
        let mut plan = load_plan(&config.template, &config.parameters, env_vars, &addresses)?;
        plan.warnings.extend(keys.warnings(&plan, &addresses.kafka));
        if config.strict && !plan.warnings.is_empty() {
            return Err(UpError::Strict { file: config.template, warnings: plan.warnings });
        }
        let mappings = mapping_configs(&plan, &addresses.kafka, folder.layout().root(), &keys)?;
        let names = plan.functions.iter().map(|function| function.name.clone());
        config.notices.send(Notice::Planned(names.collect()));
        let programs = match config.functions {
            Some(_) => BTreeMap::new(),
            None => build::programs(&plan.functions, &config.sources, &config.notices).await?,
        };
        let assembly = Assembly {
            config: &config,
            plan: &plan,
            addresses: &addresses,
            layout: folder.layout(),
            kafka_access: keys.own(),
        };
        let owned = assembly.start(listeners, &programs, mappings).await?;
        let host = owned.parts.host.as_ref().filter(|_| config.watch).map(Host::programs);
        let reload = host.map(|host| {
            let (functions, sources) = (plan.functions.clone(), config.sources.clone());
            let notices = config.notices.clone();
            Reload::start(Reloading { functions, sources, programs, host, notices })
        });
        let owner = Owner::start(owned);
        let given = Given {
            template: config.template,
            parameters: config.parameters,
            env_vars: config.env_vars.map(absolute),
            secrets: config.secrets.map(absolute),
            kafka_elsewhere: config.kafka.is_some(),
            kafka_access: config.kafka_access.iter().map(access::text).collect(),
        };
        Ok(Self { addresses, plan, given, owner, reload, published: None, folder })
    }

    /// Writes the run file: from now on other commands find this stack.
    pub(crate) fn publish(&mut self) -> Result<(), UpError> {
        let file = self.run_file();
        self.published = Some(file.publish(self.layout().root())?);
        Ok(())
    }

    fn run_file(&self) -> RunFile {
        let (addresses, given) = (self.addresses.clone(), &self.given);
        RunFile {
            pid: std::process::id(),
            started: Timestamp::now().to_string(),
            template: given.template.clone(),
            parameters: given.parameters.clone(),
            env_vars: given.env_vars.clone(),
            secrets: given.secrets.clone(),
            kafka_elsewhere: given.kafka_elsewhere,
            kafka_access: given.kafka_access.clone(),
            gateway: addresses.gateway,
            lambda: addresses.lambda,
            kafka: addresses.kafka,
            cluster_arn: addresses.cluster_arn,
            table: addresses.table,
            control: addresses.control,
        }
    }

    /// Where it can be reached.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn layout(&self) -> &Layout {
        self.folder.layout()
    }

    /// Waits until the control endpoint is told to shut down.
    pub async fn stop_requested(&self) {
        self.owner.stop_requested().await;
    }

    /// Stops everything in order: nothing new comes in, what is under way is finished, data is
    /// closed last. Bounded; a part that does not stop in time is left behind with a warning.
    pub async fn shutdown(self) {
        drop(self.published);
        if let Some(reload) = self.reload {
            reload.shutdown().await;
        }
        self.owner.shutdown().await;
        drop(self.folder);
    }
}

/// Where everything will be, before any of it starts.
async fn addresses(
    config: &StackConfig,
    keys: &Keys,
    listeners: &Listeners,
    layout: &Layout,
) -> Result<Addresses, UpError> {
    let (kafka, cluster_id) = match (&config.kafka, &listeners.kafka) {
        (Some(bootstrap), _) => (bootstrap.clone(), cluster::id_of(bootstrap, keys.own()).await?),
        (None, bound) => {
            let address = bound.as_ref().map(|bound| bound.address.to_string());
            let id = broker::cluster_id(layout.kafka()).map_err(UpError::ClusterId)?;
            (address.expect("the broker's port is taken unless --kafka is given"), id)
        }
    };
    let lambda = match (&config.functions, &listeners.lambda) {
        (Some(uri), _) => uri.to_string().trim_end_matches('/').to_owned(),
        (None, bound) => bound.as_ref().map(Bound::url).expect("it is taken unless given"),
    };
    Ok(Addresses {
        gateway: listeners.gateway.url(),
        lambda,
        kafka,
        cluster_arn: cluster::arn(wiring::REGION, wiring::ACCOUNT, &cluster_id),
        table: listeners.table.url(),
        control: listeners.control.url(),
    })
}

/// What the pollers of a plan's mappings are told, `kafka` being the stack's own, `data` its
/// folder.
fn mapping_configs(
    plan: &Plan,
    kafka: &str,
    data: &Path,
    keys: &Keys,
) -> Result<Vec<poller::MappingConfig>, AccessError> {
    plan.mappings.iter().map(|mapping| mapping_config(mapping, kafka, data, keys)).collect()
}

/// What the poller of one of them is told; it needs no secret of another.
pub(crate) fn mapping_config(
    mapping: &Mapping,
    kafka: &str,
    data: &Path,
    keys: &Keys,
) -> Result<poller::MappingConfig, AccessError> {
    let layout = Layout::new(data.to_owned());
    let (destinations, logs) = (layout.destinations(), layout.mapping_logs());
    let around = wiring::Surroundings { kafka, destinations: &destinations, logs: &logs };
    Ok(wiring::mapping(mapping, around, keys.of(mapping, kafka)?))
}

/// Reads a template as `up` does.
pub(crate) fn load_plan(
    template: &Path,
    parameters: &BTreeMap<String, String>,
    env_vars: Option<&Path>,
    addresses: &Addresses,
) -> Result<Plan, UpError> {
    let env_vars = match env_vars {
        None => EnvVars::default(),
        Some(path) => {
            let text = fs::read_to_string(path)
                .map_err(|source| UpError::EnvVarsUnreadable { path: path.to_owned(), source })?;
            EnvVars::from_json(&text)
                .map_err(|source| UpError::EnvVars { path: path.to_owned(), source })?
        }
    };
    let local = wiring::local_settings(addresses);
    let settings = Settings { parameters: parameters.clone(), env_vars, local };
    Ok(template::load(template, &settings)?)
}
