use http::StatusCode;

use super::{FETCH, PEEK, wire};
use crate::http::client::{HttpClient, Lane};
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

    /// Asks on the path `base`. A 404 is final only from a peer that has the group.
    async fn ask(&self, request: &GetRequest<'_>, base: &str, lane: Lane) -> Result<Reply, Error> {
        let target = || self.http.target(base, request.group, request.key);
        let answer = self.http.send(lane, |_| target()).await?;
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
    }
}

impl PeerClient for GalaxycacheClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.http.ping())
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            self.http.check_key(request.key)?;
            if request.mode == GetMode::Peek {
                return self.ask(&request, PEEK, Lane::Quick).await;
            }
            if self.http.is_exhausted()
                && let Ok(reply) = Box::pin(self.ask(&request, PEEK, Lane::Quick)).await
            {
                return Ok(reply);
            }
            self.ask(&request, FETCH, Lane::Loads).await
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
