use http::StatusCode;

use super::wire;
use crate::http::client::{HttpClient, Lane};
use crate::http::failure;
use crate::protobuf;
use crate::{
    BoxFuture, Connections, Error, GetMode, GetRequest, PeerClient, RemoveRequest, Reply,
    SetRequest, Stamp,
};

/// Asks one peer.
#[derive(Debug)]
pub(crate) struct GolangClient {
    http: HttpClient,
}

impl GolangClient {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http }
    }
}

impl PeerClient for GolangClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.http.ping())
    }

    fn connections(&self) -> Option<Connections> {
        Some(self.http.connections())
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            self.http.check_key(request.key)?;
            if request.mode == GetMode::Peek {
                // A Go node has no peek: it would load the value, or ask this node for it.
                return unsupported("peek").await;
            }
            let base = &self.http.options().base_path;
            let target = || self.http.target(base, request.group, request.key);
            let answer = self.http.send(Lane::Loads, |_| target()).await?;
            match answer.status {
                StatusCode::OK => {
                    answer.check_type(protobuf::CONTENT_TYPE)?;
                    wire::decode(answer.body)
                }
                _ => Err(failure::error(&answer, request.group)),
            }
        })
    }

    // A Go node takes every method for a GET: it would load the key and say 200.

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

fn unsupported<T: Send + 'static>(operation: &'static str) -> BoxFuture<'static, Result<T, Error>> {
    Box::pin(async move { Err(Error::unsupported(operation, "golang")) })
}
