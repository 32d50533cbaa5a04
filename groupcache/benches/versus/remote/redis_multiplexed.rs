//! redis, asked over the one multiplexed connection of its client.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, IntoConnectionInfo as _};

use super::caller::{Caller, Client};

/// The server, which keeps its values in memory only.
pub(super) fn server(port: u16) -> Command {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--save", "", "--appendonly", "no", "--loglevel", "warning"]);
    command
}

pub(super) struct Redis(MultiplexedConnection);

impl Redis {
    pub(super) async fn connect(server: SocketAddr) -> Result<Self> {
        let info = format!("redis://{server}").into_connection_info()?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        // Without a timer for each request.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let client = redis::Client::open(info)?;
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        Ok(Self(connection.await?))
    }
}

impl Client for Redis {
    type Caller = Handle;
    async fn caller(&self) -> Result<Handle> {
        Ok(Handle(self.0.clone()))
    }
}

pub(super) struct Handle(MultiplexedConnection);

impl Caller for Handle {
    async fn get(&mut self, key: &str) -> Result<usize> {
        let value: Vec<u8> = redis::cmd("GET").arg(key).query_async(&mut self.0).await?;
        Ok(value.len())
    }

    async fn many(&mut self, keys: &[String]) -> Result<usize> {
        let mut command = redis::cmd("MGET");
        let values: Vec<Vec<u8>> = command.arg(keys).query_async(&mut self.0).await?;
        Ok(values.iter().map(Vec::len).sum())
    }

    async fn put(&mut self, key: &str, value: Vec<u8>) -> Result<()> {
        let mut command = redis::cmd("SET");
        let set = command.arg(key).arg(value).query_async(&mut self.0).await;
        Ok(set?)
    }
}
