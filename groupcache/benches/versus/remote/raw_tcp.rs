//! Ping-pong over raw TCP, the floor: a request is a key, the reply is its value and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::caller::{Caller, Client};
use super::keys::{KEY, Shelf, value_len};

pub(super) async fn serve(listener: TcpListener) -> Result<()> {
    let shelf = Arc::new(Shelf::default());
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream, shelf.clone()));
    }
}

async fn answer(mut stream: TcpStream, shelf: Arc<Shelf>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut key = [0; KEY];
    loop {
        stream.read_exact(&mut key).await?;
        let value = shelf.get(&key)?;
        stream.write_all(&value).await?;
    }
}

pub(super) struct RawTcp(SocketAddr);

impl RawTcp {
    pub(super) async fn connect(server: SocketAddr) -> Result<Self> {
        Ok(Self(server))
    }
}

impl Client for RawTcp {
    type Caller = PingPong;
    async fn caller(&self) -> Result<PingPong> {
        let stream = TcpStream::connect(self.0).await?;
        stream.set_nodelay(true)?;
        Ok(PingPong(stream))
    }
}

pub(super) struct PingPong(TcpStream);

impl Caller for PingPong {
    async fn get(&mut self, key: &str) -> Result<usize> {
        self.0.write_all(key.as_bytes()).await?;
        let len = value_len(key.as_bytes())?;
        // A value of its own for each request, as with the other subjects. It is faster too: the allocator hands out memory
        // that the processor's caches hold.
        let mut value = Vec::with_capacity(len);
        while value.len() < len {
            if self.0.read_buf(&mut value).await? == 0 {
                bail!("the server has gone");
            }
        }
        Ok(value.len())
    }
}
