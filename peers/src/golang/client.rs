use http::{HeaderMap, HeaderValue, StatusCode};

use super::wire;
use crate::http::caller::Caller;
use crate::http::{MODE, PEEK, failure, path};
use crate::{BoxFuture, Error, GetMode, GetRequest, PeerClient, Protocol, Reply};

/// Asks one peer.
#[derive(Debug)]
pub(crate) struct GolangClient {
    caller: Caller,
    protocol: Protocol,
}

impl GolangClient {
    pub(crate) fn new(caller: Caller, protocol: Protocol) -> Self {
        Self { caller, protocol }
    }

    fn target(&self, request: &GetRequest<'_>) -> String {
        let prefix = self.caller.prefix();
        // Most keys need no escaping; for the others the text grows.
        let length = prefix.len() + request.group.len() + 1 + request.key.len();
        let mut target = String::with_capacity(length);
        target.push_str(prefix);
        path::escape(request.group.as_bytes(), &mut target);
        target.push('/');
        path::escape(request.key, &mut target);
        target
    }
}

impl PeerClient for GolangClient {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            let limit = self.caller.options().max_key_bytes;
            if request.key.len() > limit {
                return Err(Error::too_large(
                    "a key",
                    request.key.len() as u64,
                    limit as u64,
                ));
            }
            let peek = request.mode == GetMode::Peek;
            if peek && self.protocol == Protocol::Golang {
                // A Go node knows no such header: it would load, or ask this node to.
                return Err(Error::unsupported("peek", "golang"));
            }
            let fill = |headers: &mut HeaderMap| {
                if peek {
                    headers.insert(MODE, HeaderValue::from_static(PEEK));
                }
                self.target(&request)
            };
            let answer = self.caller.get(fill).await?;
            match answer.status {
                StatusCode::OK => wire::decode(answer.body),
                status => Err(failure::error(
                    status,
                    &answer.headers,
                    &answer.body,
                    request.group,
                )),
            }
        })
    }
}
