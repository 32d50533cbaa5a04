//! Everything that a peer can be asked for.

use peers::{
    Error, GetManyRequest, GetMode, GetRequest, Knowledge, OfferRequest, PeerClient, Protocol,
    RemoveRequest, SetRequest,
};

use super::get;

/// What came of each operation that a peer can be asked for. `None`: the protocol has no message for it.
pub(crate) async fn operations(
    client: &dyn PeerClient,
) -> Vec<(&'static str, Option<Result<(), Error>>)> {
    let (group, keys): (_, [&[u8]; 2]) = ("g", [b"k", b"l"]);
    let lookup = |mode| client.get(GetRequest { mode, ..get(b"k") });
    let remove = |keys| {
        let stamp = None;
        client.remove(RemoveRequest { group, keys, stamp })
    };
    let many = GetManyRequest {
        group,
        keys: &keys,
        mode: GetMode::Load,
        known: &[],
    };
    let set = SetRequest {
        group,
        key: b"k",
        value: "v".into(),
        expiry: None,
        stamp: None,
        known: &[],
    };
    let offer = OfferRequest {
        member: "pod-1",
        group,
        keys: &keys,
    };
    let outcomes = [
        ("get", lookup(GetMode::Load).await.map(drop)),
        ("peek", lookup(GetMode::Peek).await.map(drop)),
        ("warm-up", lookup(GetMode::WarmUp).await.map(drop)),
        ("get many", client.get_many(many).await.map(drop)),
        ("set", client.set(set).await),
        ("remove", remove(&keys[..1]).await),
        ("remove many", remove(&keys).await),
        ("clear", client.clear(group, None).await),
        ("sync", client.sync(Knowledge::default()).await.map(drop)),
        ("note behind", client.note_behind(&["pod-1"]).await),
        ("offer", client.offer(offer).await),
    ];
    let supported = |result: Result<(), Error>| match result {
        Err(error) if error.is_unsupported() => None,
        result => Some(result),
    };
    outcomes
        .into_iter()
        .map(|(name, result)| (name, supported(result)))
        .collect()
}

/// How many of them each protocol has.
pub(crate) fn supported(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Native => 11,
        Protocol::Golang => 2,
        Protocol::Mailgun | Protocol::GroupcacheGo => 5,
        Protocol::Ipronko => 4,
        Protocol::Galaxycache | Protocol::GalaxycacheGrpc => 3,
        other => panic!("{other} is new here"),
    }
}
