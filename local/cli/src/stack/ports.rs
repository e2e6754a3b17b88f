//! The ports on 127.0.0.1: all are taken before anything starts, so that a taken one is told at
//! once and nothing is left half started.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

/// Which ports to listen on; `0` takes a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The HTTP API.
    pub gateway: u16,
    /// Lambda's Invoke API; not used where functions run elsewhere.
    pub lambda: u16,
    /// The embedded broker; not used with another Kafka.
    pub kafka: u16,
    /// DynamoDB.
    pub table: u16,
}

impl Ports {
    /// Free ports, for tests and for several stacks side by side.
    pub const FREE: Self = Self { gateway: 0, lambda: 0, kafka: 0, table: 0 };
}

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The HTTP API.
    Gateway,
    /// Lambda's Invoke API.
    Lambda,
    /// The embedded broker.
    Kafka,
    /// DynamoDB.
    Table,
    /// The control endpoint.
    Control,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Gateway => "the HTTP API",
            Self::Lambda => "the Lambda endpoint",
            Self::Kafka => "Kafka",
            Self::Table => "DynamoDB",
            Self::Control => "the control endpoint",
        }
    }

    /// The flag that chooses another port.
    pub(crate) fn flag(self) -> Option<&'static str> {
        match self {
            Self::Gateway => Some("--gateway-port"),
            Self::Lambda => Some("--lambda-port"),
            Self::Kafka => Some("--kafka-port"),
            Self::Table => Some("--table-port"),
            Self::Control => None,
        }
    }
}

/// Why a port cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another program listens there.
    #[error("port {port}, wanted for {}, is taken by another program", purpose.name())]
    Taken {
        /// The port.
        port: u16,
        /// What for.
        purpose: Purpose,
    },
    /// The system refuses it.
    #[error("port {port}, wanted for {}, cannot be opened", purpose.name())]
    Refused {
        /// The port.
        port: u16,
        /// What for.
        purpose: Purpose,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl PortError {
    pub(crate) fn purpose(&self) -> Purpose {
        match self {
            Self::Taken { purpose, .. } | Self::Refused { purpose, .. } => *purpose,
        }
    }
}

/// A taken port.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Bound {
    /// Takes `port`, or a free one where it is 0.
    pub(crate) async fn take(port: u16, purpose: Purpose) -> Result<Self, PortError> {
        let bound = async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound.await.map_err(|source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => PortError::Taken { port, purpose },
            _ => PortError::Refused { port, purpose, source },
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// All ports of a stack.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) gateway: Bound,
    pub(crate) lambda: Option<Bound>,
    pub(crate) kafka: Option<Bound>,
    pub(crate) table: Bound,
    pub(crate) control: Bound,
}

impl Listeners {
    /// Takes the ports; that of Lambda and of Kafka only where they run here.
    pub(crate) async fn take(
        ports: Ports,
        own_lambda: bool,
        own_kafka: bool,
    ) -> Result<Self, PortError> {
        let mut lambda = None;
        if own_lambda {
            lambda = Some(Bound::take(ports.lambda, Purpose::Lambda).await?);
        }
        let mut kafka = None;
        if own_kafka {
            kafka = Some(Bound::take(ports.kafka, Purpose::Kafka).await?);
        }
        Ok(Self {
            gateway: Bound::take(ports.gateway, Purpose::Gateway).await?,
            lambda,
            kafka,
            table: Bound::take(ports.table, Purpose::Table).await?,
            control: Bound::take(0, Purpose::Control).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_what_it_is_for() {
        let taken = Bound::take(0, Purpose::Gateway).await.unwrap();
        let port = taken.address.port();
        let ports = Ports { kafka: port, ..Ports::FREE };
        let error = Listeners::take(ports, true, true).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("port {port}, wanted for Kafka, is taken by another program")
        );
        assert_eq!(error.purpose().flag(), Some("--kafka-port"));
    }

    #[tokio::test]
    async fn ports_of_what_runs_elsewhere_are_left_free() {
        let taken = Bound::take(0, Purpose::Gateway).await.unwrap();
        let port = taken.address.port();
        let ports = Ports { kafka: port, lambda: port, ..Ports::FREE };
        let listeners = Listeners::take(ports, false, false).await.unwrap();
        assert!(listeners.kafka.is_none() && listeners.lambda.is_none());
    }
}
