use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::soon;

/// Stands between an HTTP/2 client and its server, and makes trouble.
pub(crate) struct Proxy {
    address: String,
    trouble: watch::Sender<Trouble>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Default)]
struct Trouble {
    /// Calls on a connection from this one on wait, counted from zero.
    held_from: Option<u32>,
    /// Connections with a lower number are cut.
    cut_before: u64,
    /// Whether a call waits.
    holds: bool,
}

impl Proxy {
    pub(crate) async fn start(server: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (trouble, _) = watch::channel(Trouble::default());
        let troubles = trouble.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let number = troubles.borrow().cut_before;
                let trouble = troubles.clone();
                connections.spawn(serve(client, server.clone(), number, trouble));
            }
        });
        Self {
            address,
            trouble,
            task,
        }
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Has each connection's calls from this one on wait until [`release`](Self::release).
    pub(crate) fn hold_calls_from(&self, call: u32) {
        self.trouble.send_modify(|it| it.held_from = Some(call));
    }

    /// Waits until a call waits.
    pub(crate) async fn held(&self) {
        let mut trouble = self.trouble.subscribe();
        soon("a call", trouble.wait_for(|it| it.holds))
            .await
            .unwrap();
    }

    pub(crate) fn release(&self) {
        self.trouble.send_modify(|it| it.held_from = None);
    }

    /// Cuts all connections; new ones are served.
    pub(crate) fn cut(&self) {
        self.trouble.send_modify(|it| it.cut_before += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(client: TcpStream, server: String, number: u64, trouble: watch::Sender<Trouble>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut cut = trouble.subscribe();
    tokio::select! {
        _ = cut.wait_for(|it| it.cut_before > number) => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
        _ = forward(&mut from_client, &mut to_server, trouble) => {}
    }
}

/// Forwards the client's frames (RFC 9113, section 4.1), and holds those of later calls.
async fn forward(
    client: &mut OwnedReadHalf,
    server: &mut OwnedWriteHalf,
    trouble: watch::Sender<Trouble>,
) -> std::io::Result<()> {
    let mut preface = [0; 24];
    client.read_exact(&mut preface).await?;
    server.write_all(&preface).await?;
    loop {
        let mut header = [0; 9];
        client.read_exact(&mut header).await?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        let mut payload = vec![0; length as usize];
        client.read_exact(&mut payload).await?;
        // The calls have the streams 1, 3, 5 ...
        let waits =
            |it: &Trouble| stream % 2 == 1 && it.held_from.is_some_and(|from| stream / 2 >= from);
        let mut changes = trouble.subscribe();
        if waits(&trouble.borrow()) {
            trouble.send_modify(|it| it.holds = true);
        }
        drop(changes.wait_for(|it| !waits(it)).await);
        server.write_all(&header).await?;
        server.write_all(&payload).await?;
    }
}
