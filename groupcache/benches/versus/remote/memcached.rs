//! memcached, asked in its text protocol over a connection for each caller. By hand, because the published asynchronous
//! client depends on a crate that nobody maintains any more.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Result, anyhow};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::caller::{Caller, Client};
use super::driver::THREADS;

/// The server, with room for all values and for the largest.
pub(crate) fn server(port: u16) -> Command {
    let mut command = Command::new("memcached");
    command.args(["-l", "127.0.0.1", "-U", "0", "-u", "nobody"]);
    command.args(["-m", "1024", "-I", "2m", "-c", "2048"]);
    command.args(["-p", &port.to_string(), "-t", &THREADS.to_string()]);
    command
}

pub(super) struct Memcached(SocketAddr);

impl Memcached {
    pub(super) async fn connect(server: SocketAddr) -> Result<Self> {
        Ok(Self(server))
    }
}

impl Client for Memcached {
    type Caller = Connection;
    async fn caller(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.0).await?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream: BufReader::with_capacity(16 << 10, stream),
            request: Vec::new(),
            line: Vec::new(),
        })
    }
}

/// A connection, and the buffers that it uses again for each request.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    line: Vec<u8>,
}

impl Connection {
    async fn send(&mut self) -> Result<()> {
        self.request.extend_from_slice(b"\r\n");
        self.stream.write_all(&self.request).await?;
        self.request.clear();
        Ok(())
    }

    async fn line(&mut self) -> Result<&str> {
        self.line.clear();
        self.stream.read_until(b'\n', &mut self.line).await?;
        Ok(str::from_utf8(self.line.trim_ascii_end())?)
    }

    /// Reads values up to the end of the reply, and returns the sum of their lengths.
    async fn values(&mut self) -> Result<usize> {
        let mut bytes = 0;
        loop {
            let line = self.line().await?;
            if line == "END" {
                return Ok(bytes);
            }
            let unknown = || anyhow!("memcached says {line:?}");
            let value = line.strip_prefix("VALUE ").ok_or_else(unknown)?;
            let len = value.rsplit(' ').next().and_then(|len| len.parse().ok());
            let len: usize = len.ok_or_else(unknown)?;
            let mut value = vec![0; len + b"\r\n".len()];
            self.stream.read_exact(&mut value).await?;
            bytes += len;
        }
    }
}

impl Caller for Connection {
    async fn get(&mut self, key: &str) -> Result<usize> {
        write!(self.request, "get {key}")?;
        self.send().await?;
        self.values().await
    }

    async fn many(&mut self, keys: &[String]) -> Result<usize> {
        write!(self.request, "get {}", keys.join(" "))?;
        self.send().await?;
        self.values().await
    }

    async fn put(&mut self, key: &str, value: Vec<u8>) -> Result<()> {
        write!(self.request, "set {key} 0 0 {}\r\n", value.len())?;
        self.request.extend_from_slice(&value);
        self.send().await?;
        match self.line().await? {
            "STORED" => Ok(()),
            line => Err(anyhow!("memcached says {line:?}")),
        }
    }
}
