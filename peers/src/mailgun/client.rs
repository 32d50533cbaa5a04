use std::time::SystemTime;

use http::{Method, StatusCode};

use super::wire;
use crate::golang::wire as reply;
use crate::http::caller::{Answer, Caller};
use crate::http::{Body, concurrently, failure};
use crate::{
    BoxFuture, Error, GetMode, GetRequest, PeerClient, Phase, Protocol, RemoveRequest, Reply,
    SetRequest,
};

/// Asks one peer, of mailgun's kind or of groupcache-go's.
#[derive(Debug)]
pub(crate) struct MailgunClient {
    caller: Caller,
    protocol: Protocol,
}

impl MailgunClient {
    pub(crate) fn new(caller: Caller, protocol: Protocol) -> Self {
        Self { caller, protocol }
    }

    /// Tells something about a key, which is answered with nothing.
    async fn tell(
        &self,
        method: Method,
        group: &str,
        key: &[u8],
        body: impl Fn() -> Body,
    ) -> Result<(), Error> {
        self.caller.check_key(key)?;
        let target = || self.target(group, key);
        done(&self.ask(method, target, body).await?, group)
    }

    /// Tells something about a group by a POST.
    pub(crate) async fn tell_group(
        &self,
        group: &str,
        operation: &str,
        body: impl Fn() -> Body,
    ) -> Result<(), Error> {
        let base = &self.caller.options().base_path;
        let target = || self.caller.group_target(base, group, operation);
        done(&self.ask(Method::POST, target, body).await?, group)
    }

    async fn ask(
        &self,
        method: Method,
        target: impl Fn() -> String,
        body: impl Fn() -> Body,
    ) -> Result<Answer, Error> {
        let fill = |request: &mut http::Request<Body>| {
            *request.method_mut() = method.clone();
            *request.body_mut() = body();
            target()
        };
        self.caller.send(fill).await
    }

    fn target(&self, group: &str, key: &[u8]) -> String {
        let base = &self.caller.options().base_path;
        self.caller.target(base, group, key)
    }

    /// What mailgun's own client makes of an answer.
    fn read(&self, answer: Answer, group: &str) -> Result<Reply, Error> {
        let text = || failure::message(&answer.body).trim().to_owned();
        match answer.status {
            StatusCode::OK => {
                let reply = reply::decode(answer.body)?;
                let has_expired = |moment| moment <= SystemTime::now();
                if self.protocol == Protocol::Mailgun && reply.expires_at.is_some_and(has_expired) {
                    return Err(Error::expired());
                }
                Ok(reply)
            }
            _ if failure::is_named(&answer.headers) => Err(failure::error(&answer, group)),
            StatusCode::NOT_FOUND => Err(Error::not_found(text())),
            StatusCode::SERVICE_UNAVAILABLE => Err(Error::getter(text())),
            _ => Err(failure::error(&answer, group)),
        }
    }
}

impl PeerClient for MailgunClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.caller.ping())
    }

    /// A 404 and a 503 are final, whoever said them. A value of mailgun's that has expired on its
    /// way is none: another node may be asked.
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            if request.mode == GetMode::Peek {
                return Err(Error::unsupported("peek", self.protocol.name()));
            }
            let (group, key) = (request.group, request.key);
            self.caller.check_key(key)?;
            let answer = self.caller.send(|_| self.target(group, key)).await?;
            self.read(answer, group)
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.caller.check_value(&request.value)?;
            let body = || wire::encode(&request);
            self.tell(Method::PUT, request.group, request.key, body)
                .await
        })
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let RemoveRequest { group, keys, .. } = request;
        Box::pin(concurrently::each(keys, move |&key| {
            Box::pin(self.tell(Method::DELETE, group, key, Body::default))
        }))
    }

    fn clear<'a>(&'a self, _: &'a str, _: Phase) -> BoxFuture<'a, Result<(), Error>> {
        let error = Error::unsupported("clear a group", self.protocol.name());
        Box::pin(async { Err(error) })
    }
}

fn done(answer: &Answer, group: &str) -> Result<(), Error> {
    match answer.status {
        StatusCode::OK => Ok(()),
        _ => Err(failure::error(answer, group)),
    }
}
