//! A part of a flood: connections to a node that are of no use to anybody. A program of its own, as a process may have so
//! many descriptors and no more.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use serde::{Deserialize, Serialize};
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::affordable;
use crate::{BoxError, program};

/// Opens connections to a node that do nothing of use.
#[derive(Debug, Parser)]
#[command(name = "flooder", version)]
pub(super) struct Options {
    /// Address of the node.
    #[arg(long, value_name = "ADDR")]
    target: SocketAddr,
    /// Address that the connections come from.
    #[arg(long, value_name = "IP")]
    from: IpAddr,
    /// Connections at a time.
    #[arg(long, value_name = "N")]
    connections: u32,
}

/// How long it takes to begin with all connections: the flood is to fill the node, and not to take the whole machine.
const SPREAD: Duration = Duration::from_secs(5);

/// What came of the connections.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Count {
    /// How many were tried at a time.
    pub(super) tried: u64,
    /// How many came about, one after the other.
    pub(super) opened: u64,
    /// The most of them at a time.
    pub(super) most_open: u64,
}

#[derive(Default)]
struct Counters {
    opened: AtomicU64,
    open: AtomicU64,
    most_open: AtomicU64,
}

/// Goes on until the end of stdin, and then prints the count.
pub(super) async fn run(options: Options) -> Result<(), BoxError> {
    let Options { target, from, .. } = options;
    let tried = affordable(options.connections);
    let counters = Arc::new(Counters::default());
    let mut tasks = JoinSet::new();
    for number in 0..tried {
        let abuse = [Abuse::Idle, Abuse::Head, Abuse::Body][number as usize % 3];
        let counters = Arc::clone(&counters);
        let turn = SPREAD * number / tried;
        tasks.spawn(async move {
            sleep(turn).await;
            keep_open(from, target, abuse, counters).await
        });
    }
    program::stop_requested(true).await?;
    let count = Count {
        tried: tried.into(),
        opened: counters.opened.load(Ordering::Relaxed),
        most_open: counters.most_open.load(Ordering::Relaxed),
    };
    println!("{}", serde_json::to_string(&count)?);
    Ok(())
}

/// Opens a connection, and another one whenever the node has closed it.
async fn keep_open(
    from: IpAddr,
    target: SocketAddr,
    abuse: Abuse,
    counters: Arc<Counters>,
) -> Infallible {
    loop {
        if let Ok(stream) = connect(from, target).await {
            counters.opened.fetch_add(1, Ordering::Relaxed);
            let open = counters.open.fetch_add(1, Ordering::Relaxed) + 1;
            counters.most_open.fetch_max(open, Ordering::Relaxed);
            // An error is a way to close the connection.
            let _ = abuse.commit(stream).await;
            counters.open.fetch_sub(1, Ordering::Relaxed);
        }
        sleep(Duration::from_secs(5)).await;
    }
}

/// What a connection does.
#[derive(Clone, Copy)]
enum Abuse {
    /// Nothing.
    Idle,
    /// A head, byte by byte.
    Head,
    /// A body without end.
    Body,
}

async fn connect(from: IpAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(target).await
}

impl Abuse {
    /// Goes on until the node closes the connection.
    async fn commit(self, mut stream: TcpStream) -> io::Result<()> {
        let (mut read, mut write) = stream.split();
        let abuse = async {
            match self {
                Self::Idle => std::future::pending().await,
                Self::Head => {
                    write.write_all(b"GET /_groupcache/demo/").await?;
                    repeat(&mut write, b"x", Duration::from_secs(5)).await
                }
                Self::Body => {
                    let head = "PUT /_groupcache/demo/x HTTP/1.1\r\nhost: x\r\n\
                                content-length: 60000000\r\n\r\n";
                    write.write_all(head.as_bytes()).await?;
                    repeat(&mut write, &[0x0a; 16 << 10], Duration::from_secs(1)).await
                }
            }
        };
        let closed = async {
            let mut answer = [0; 1024];
            while read.read(&mut answer).await? > 0 {}
            Ok(())
        };
        tokio::select! {
            broken = abuse => broken,
            closed = closed => closed,
        }
    }
}

/// Sends the same bytes again and again.
async fn repeat(
    write: &mut (impl AsyncWriteExt + Unpin),
    bytes: &[u8],
    pause: Duration,
) -> io::Result<()> {
    loop {
        write.write_all(bytes).await?;
        sleep(pause).await;
    }
}
