use http::StatusCode;

use super::{FETCH, PEEK, wire};
use crate::http::client::{HttpClient, Lane};
use crate::http::failure;
use crate::{
    BoxFuture, ClockSkew, Connections, Error, Expiry, GetMode, GetRequest, PeerClient,
    RemoveRequest, Reply, SetRequest, Stamp,
};

/// Asks one peer.
#[derive(Debug)]
pub(crate) struct GalaxycacheClient {
    http: HttpClient,
}

impl GalaxycacheClient {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http }
    }

    /// Asks on the path `base`. A 404 is final only from a peer that has the group.
    async fn ask(&self, request: &GetRequest<'_>, base: &str, lane: Lane) -> Result<Reply, Error> {
        let target = || self.http.target(base, request.group, request.key);
        let answer = self.http.send(lane, |_| target()).await?;
        match answer.status {
            StatusCode::OK => {
                answer.check_type(wire::CONTENT_TYPE)?;
                Ok(Reply {
                    expiry: wire::expiry(&answer.headers)?.map(Expiry::At),
                    value: answer.body.into(),
                    ..Reply::default()
                })
            }
            StatusCode::NOT_FOUND
                if wire::is_found(&answer.headers) && !failure::is_named(&answer.headers) =>
            {
                Err(Error::not_found(failure::message(&answer.body).trim()))
            }
            _ => Err(failure::error(&answer, request.group)),
        }
    }
}

impl PeerClient for GalaxycacheClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.http.ping())
    }

    fn connections(&self) -> Option<Connections> {
        Some(self.http.connections())
    }

    fn clock(&self) -> Option<ClockSkew> {
        self.http.clock()
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            self.http.check_key(request.key)?;
            // The protocol has no warm-up, and a load does as well.
            let mode = match request.mode {
                GetMode::Peek => GetMode::Peek,
                GetMode::Load | GetMode::WarmUp => GetMode::Load,
            };
            let ask = |mode, lane| match mode {
                GetMode::Peek => self.ask(&request, PEEK, lane),
                GetMode::Load | GetMode::WarmUp => self.ask(&request, FETCH, lane),
            };
            self.http.look_up(mode, ask, Some).await
        })
    }

    fn set<'a>(&'a self, _: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        unsupported("set a value")
    }

    fn remove<'a>(&'a self, _: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        unsupported("remove keys")
    }

    fn clear<'a>(&'a self, _: &'a str, _: Option<Stamp>) -> BoxFuture<'a, Result<(), Error>> {
        unsupported("clear a group")
    }
}

fn unsupported(operation: &'static str) -> BoxFuture<'static, Result<(), Error>> {
    Box::pin(async move { Err(Error::unsupported(operation, "galaxycache")) })
}
