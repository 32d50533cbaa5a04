//! Bare hyper over HTTP/1.1, with a connection for each caller that is kept alive.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::header::HOST;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::caller::{Caller, Client};
use super::keys::Shelf;

pub(super) async fn serve(listener: TcpListener) -> Result<()> {
    let shelf = Arc::new(Shelf::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let shelf = shelf.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let value = shelf.get(&request.uri().path().as_bytes()[1..]);
            async { value.map(|value| Response::new(Full::new(value))) }
        });
        tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

pub(super) struct HyperH1(SocketAddr);

impl HyperH1 {
    pub(super) async fn connect(server: SocketAddr) -> Result<Self> {
        Ok(Self(server))
    }
}

impl Client for HyperH1 {
    type Caller = Connection;
    async fn caller(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.0).await?;
        stream.set_nodelay(true)?;
        let handshake = client::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake?;
        tokio::spawn(connection);
        Ok(Connection { sender })
    }
}

pub(super) struct Connection {
    sender: client::SendRequest<Empty<Bytes>>,
}

impl Caller for Connection {
    async fn get(&mut self, key: &str) -> Result<usize> {
        let request = Request::get(format!("/{key}")).header(HOST, "server");
        let request = request.body(Empty::new())?;
        self.sender.ready().await?;
        let body = self.sender.send_request(request).await?.into_body();
        Ok(body.collect().await?.to_bytes().len())
    }
}
