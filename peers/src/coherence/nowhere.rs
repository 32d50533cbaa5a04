use std::sync::Arc;

use crate::{BoxFuture, CircuitOptions, Error, GetRequest, Member, Peer, PeerClient, Reply};

/// Where nobody asks.
#[derive(Debug)]
struct Nowhere;

impl PeerClient for Nowhere {
    fn get<'a>(&'a self, _: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async { Err(Error::unreachable("nowhere", "nobody is there")) })
    }
}

/// A peer that is never asked, with this id and at this host.
pub(super) fn peer(id: &str, host: &str) -> Peer {
    let member: Member = format!("{id}=http://{host}").parse().expect("a member");
    Peer::remote(member, Arc::new(Nowhere), CircuitOptions::default())
}
