use http::StatusCode;

use super::{FETCH, PEEK, wire};
use crate::http::client::HttpClient;
use crate::http::failure;
use crate::{
    BoxFuture, Error, GetMode, GetRequest, PeerClient, Phase, RemoveRequest, Reply, SetRequest,
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
}

impl PeerClient for GalaxycacheClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.http.ping())
    }

    /// A 404 is final only from a peer that has the group.
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            self.http.check_key(request.key)?;
            let base = match request.mode {
                GetMode::Peek => PEEK,
                GetMode::Load | GetMode::WarmUp => FETCH,
            };
            let target = || self.http.target(base, request.group, request.key);
            let answer = self.http.send(|_| target()).await?;
            match answer.status {
                StatusCode::OK => {
                    answer.check_type(wire::CONTENT_TYPE)?;
                    Ok(Reply {
                        expires_at: wire::expiry(&answer.headers)?,
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
        })
    }

    fn set<'a>(&'a self, _: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        unsupported("set a value")
    }

    fn remove<'a>(&'a self, _: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        unsupported("remove keys")
    }

    fn clear<'a>(&'a self, _: &'a str, _: Phase) -> BoxFuture<'a, Result<(), Error>> {
        unsupported("clear a group")
    }
}

fn unsupported(operation: &'static str) -> BoxFuture<'static, Result<(), Error>> {
    Box::pin(async move { Err(Error::unsupported(operation, "galaxycache")) })
}
