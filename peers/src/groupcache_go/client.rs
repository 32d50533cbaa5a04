use bytes::Bytes;

use super::wire;
use crate::http::client::HttpClient;
use crate::http::{Body, MAX_KEYS_BYTES};
use crate::protobuf::ProtobufClient;
use crate::{
    BoxFuture, ClockSkew, Connections, Error, GetRequest, PeerClient, Protocol, RemoveRequest,
    Reply, SetRequest, Stamp,
};

/// Asks one peer.
#[derive(Debug)]
pub(crate) struct GroupcacheGoClient(ProtobufClient);

impl GroupcacheGoClient {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self(ProtobufClient::new(http, Protocol::GroupcacheGo))
    }

    async fn remove_texts(&self, group: &str, keys: &[&str]) -> Result<(), Error> {
        let mut rest = keys;
        while !rest.is_empty() {
            // In JSON a byte of a key takes up to six bytes.
            let mut room = MAX_KEYS_BYTES / 6;
            let fit = rest.iter().take_while(|key| {
                let fits = key.len() < room;
                room = room.saturating_sub(key.len() + 1);
                fits
            });
            let (batch, others) = rest.split_at(fit.count().max(1));
            let message = Bytes::from(wire::encode(group, batch)?);
            let body = || Body::from(message.clone());
            self.0.tell_group(group, wire::REMOVE_KEYS, body).await?;
            rest = others;
        }
        Ok(())
    }
}

impl PeerClient for GroupcacheGoClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.0.ping()
    }

    fn connections(&self) -> Option<Connections> {
        self.0.connections()
    }

    fn clock(&self) -> Option<ClockSkew> {
        self.0.clock()
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        self.0.get(request)
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.0.set(request)
    }

    /// Removes one key by a DELETE, and several keys by one POST. Keys that are not UTF-8 need a DELETE each.
    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let RemoveRequest { group, keys, .. } = request;
        if keys.len() == 1 {
            return self.0.remove(request);
        }
        Box::pin(async move {
            let (mut texts, mut others) = (Vec::new(), Vec::new());
            for &key in keys {
                match str::from_utf8(key) {
                    Ok(text) => texts.push(text),
                    Err(_) => others.push(key),
                }
            }
            self.remove_texts(group, &texts).await?;
            let others = RemoveRequest {
                keys: &others,
                ..request
            };
            self.0.remove(others).await
        })
    }

    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.0.clear(group, stamp)
    }
}
