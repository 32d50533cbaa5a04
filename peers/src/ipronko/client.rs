use http::{Method, StatusCode};

use super::wire;
use crate::http::client::concurrently;
use crate::http::client::{Answer, HttpClient, Lane};
use crate::http::failure;
use crate::{
    BoxFuture, Connections, Error, GetMode, GetRequest, PeerClient, RemoveRequest, Reply,
    SetRequest, Stamp,
};

/// Asks one peer.
#[derive(Debug)]
pub(crate) struct IpronkoClient {
    http: HttpClient,
}

impl IpronkoClient {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http }
    }

    async fn ask(&self, method: Method, group: &str, key: &[u8]) -> Result<Answer, Error> {
        self.http.check_key(key)?;
        if let Some(operation) = wire::unsayable(key) {
            return Err(Error::unsupported(operation, "ipronko"));
        }
        let lane = if method == Method::DELETE {
            Lane::Quick
        } else {
            Lane::Loads
        };
        let answer = self.http.send(lane, |request| {
            *request.method_mut() = method.clone();
            let base = &self.http.options().base_path;
            self.http.target(base, group, key)
        });
        let answer = answer.await?;
        match answer.status {
            StatusCode::OK => Ok(answer),
            _ => Err(failure::error(&answer, group)),
        }
    }
}

impl PeerClient for IpronkoClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.http.ping())
    }

    fn connections(&self) -> Option<Connections> {
        Some(self.http.connections())
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            let method = match request.mode {
                GetMode::Load => Method::GET,
                GetMode::WarmUp => Method::POST,
                GetMode::Peek => return Err(Error::unsupported("peek", "ipronko")),
            };
            let answer = self.ask(method, request.group, request.key).await?;
            Ok(Reply {
                value: answer.body.into(),
                ..Reply::default()
            })
        })
    }

    fn set<'a>(&'a self, _: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::unsupported("set a value", "ipronko")) })
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let RemoveRequest { group, keys, .. } = request;
        Box::pin(concurrently::each(keys, move |&key| {
            Box::pin(async move { self.ask(Method::DELETE, group, key).await?.check_empty() })
        }))
    }

    fn clear<'a>(&'a self, _: &'a str, _: Option<Stamp>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::unsupported("clear a group", "ipronko")) })
    }
}
