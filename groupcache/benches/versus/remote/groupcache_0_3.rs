//! The published crate `groupcache`, version 0.3, without its hot cache.

use std::error::Error;
use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use moka::future::Cache;
use rival_groupcache::{Groupcache, GroupcachePeer, ValueLoader};
use tokio::net::TcpListener;

use super::caller::{Caller, Client};
use super::keys::value;

/// Makes the values of the owner.
struct Values;

#[async_trait::async_trait]
impl ValueLoader for Values {
    type Value = Bytes;
    async fn load(&self, key: &str) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
        Ok(value(key.as_bytes())?.into())
    }
}

/// The loader of the asker.
struct NoValues;

#[async_trait::async_trait]
impl ValueLoader for NoValues {
    type Value = Bytes;
    async fn load(&self, _: &str) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
        Err("the asker has no values".into())
    }
}

pub(super) async fn serve(listener: TcpListener) -> Result<()> {
    let this = GroupcachePeer::from_socket(listener.local_addr()?);
    let cache = Groupcache::builder(this, Values).build();
    let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
    let router = Router::new().fallback_service(cache.grpc_service());
    Ok(axum::serve(listener, router).await?)
}

pub(super) struct Asker(Groupcache<Bytes>);

impl Asker {
    pub(super) async fn connect(server: SocketAddr) -> Result<Self> {
        // An address of its own on the ring, on which nobody asks it.
        let this = GroupcachePeer::from_socket(SocketAddr::from(([127, 0, 0, 1], 1)));
        let cache = Groupcache::builder(this, NoValues)
            .hot_cache(Cache::new(0))
            .build();
        cache.add_peer(GroupcachePeer::from_socket(server)).await?;
        Ok(Self(cache))
    }
}

impl Client for Asker {
    type Caller = Groupcache<Bytes>;
    async fn caller(&self) -> Result<Self::Caller> {
        Ok(self.0.clone())
    }
}

impl Caller for Groupcache<Bytes> {
    async fn get(&mut self, key: &str) -> Result<usize> {
        Ok(Groupcache::get(self, key).await?.len())
    }
}
