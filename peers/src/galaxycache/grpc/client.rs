use std::future::poll_fn;
use std::sync::Arc;

use http::uri::PathAndQuery;
use prost::Message;
use tokio::time::timeout;
use tonic::Status;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;
use tower_service::Service as _;

use super::channel::{Channel, Connection};
use super::failure;
use super::wire::{self, GetResponse, PeekResponse};
use crate::http::HttpOptions;
use crate::http::client::{ConnectionLimit, Lane};
use crate::{BoxFuture, Connections, Error, GetMode, GetRequest, Member, PeerClient, Reply, Wire};

/// Asks one peer.
///
/// All exchanges share a connection. One that goes down with a connection that was used before is
/// tried once more on another: it only reads, so nothing is done twice. One that takes too long
/// gives the connection up, since a peer that has gone without a word can be told by nothing else.
#[derive(Debug)]
pub(crate) struct GrpcClient {
    channel: Channel,
    limit: ConnectionLimit,
}

impl GrpcClient {
    pub(crate) fn new(member: &Member, options: Arc<HttpOptions>) -> Result<Self, Error> {
        let limit = ConnectionLimit::new(&options);
        let channel = Channel::new(member, options)?;
        Ok(Self { channel, limit })
    }

    async fn exchange(
        &self,
        request: &GetRequest<'_>,
        in_use: &mut Option<u64>,
    ) -> Result<Reply, Error> {
        let mut retried = false;
        loop {
            let (connection, reused) = self.channel.connection().await?;
            let number = connection.number();
            *in_use = Some(number);
            let asked = match request.mode {
                GetMode::Peek => {
                    let path = PathAndQuery::from_static("/galaxycachepb.GalaxyCache/PeekPeer");
                    self.ask::<PeekResponse>(connection, path, request).await
                }
                GetMode::Load | GetMode::WarmUp => {
                    let path = PathAndQuery::from_static("/galaxycachepb.GalaxyCache/GetFromPeer");
                    self.ask::<GetResponse>(connection, path, request).await
                }
            };
            let status = match asked {
                Ok(reply) => return reply,
                Err(status) => status,
            };
            if failure::is_broken(&status) {
                self.channel.give_up(number);
                if reused && !retried {
                    retried = true;
                    continue;
                }
            }
            let (name, options) = (self.channel.name(), self.channel.options());
            return Err(failure::error(status, name, request.group, options));
        }
    }

    async fn ask<R>(
        &self,
        mut connection: Connection,
        path: PathAndQuery,
        request: &GetRequest<'_>,
    ) -> Result<Result<Reply, Error>, Status>
    where
        R: Message + Default + 'static,
        Reply: TryFrom<R, Error = Error>,
    {
        let options = self.channel.options();
        poll_fn(|cx| connection.poll_ready(cx))
            .await
            .map_err(|error| Status::from_error(error.into()))?;
        let mut message = tonic::Request::new(wire::Request {
            galaxy: request.group.to_owned().into(),
            key: request.key.to_vec().into(),
        });
        message.set_timeout(options.request_timeout);
        Grpc::with_origin(connection, self.channel.url().clone())
            .max_decoding_message_size(options.max_body_bytes())
            .unary(message, path, ProstCodec::<wire::Request, R>::new())
            .await
            .map(|response| Reply::try_from(response.into_inner()))
    }
}

impl PeerClient for GrpcClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.channel.ping())
    }

    fn connections(&self) -> Option<Connections> {
        let open = usize::from(self.channel.is_connected());
        let idle = if self.limit.in_use() == 0 { open } else { 0 };
        Some(Connections::new(Wire::Http2, open, idle))
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            let (key, options) = (request.key, self.channel.options());
            if key.len() > options.max_key_bytes {
                return Err(Error::too_large(
                    "a key",
                    key.len() as u64,
                    options.max_key_bytes as u64,
                ));
            }
            let lane = if request.mode == GetMode::Peek {
                Lane::Quick
            } else {
                Lane::Loads
            };
            let _permit = self.limit.acquire(lane, self.channel.name()).await?;
            let time = options.request_timeout;
            let mut in_use = None;
            let exchanged = timeout(time, self.exchange(&request, &mut in_use)).await;
            exchanged.unwrap_or_else(|_| {
                if let Some(number) = in_use {
                    self.channel.give_up(number);
                }
                Err(Error::timed_out("an exchange with a peer", time))
            })
        })
    }
}
