//! Our broker without the rest of the stack: `broker_alone PORT DATA`, until SIGTERM.

use broker::{Broker, BrokerConfig};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(data)) = (arguments.next(), arguments.next()) else {
        return Err("usage: broker_alone PORT DATA".into());
    };
    let mut ended = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    let broker = Broker::start(listener, BrokerConfig::new(data)).await?;
    ended.recv().await;
    broker.shutdown().await;
    Ok(())
}
