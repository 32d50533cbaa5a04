use http::{Method, StatusCode};

use super::{get_response, set_request};
use crate::http::client::concurrently;
use crate::http::client::{Answer, HttpClient, Lane};
use crate::http::{Body, failure};
use crate::{
    BoxFuture, ClockSkew, Connections, Error, Expiry, GetMode, GetRequest, PeerClient, Protocol,
    RemoveRequest, Reply, SetRequest, Stamp,
};

/// Asks one peer that speaks mailgun's protocol or groupcache-go's.
#[derive(Debug)]
pub(crate) struct ProtobufClient {
    http: HttpClient,
    protocol: Protocol,
}

impl ProtobufClient {
    pub(crate) fn new(http: HttpClient, protocol: Protocol) -> Self {
        Self { http, protocol }
    }

    /// An operation on a key, whose answer has no body.
    async fn tell(
        &self,
        method: Method,
        group: &str,
        key: &[u8],
        body: impl Fn() -> Body,
    ) -> Result<(), Error> {
        self.http.check_key(key)?;
        let target = || self.target(group, key);
        done(&self.ask(method, target, body).await?, group)
    }

    /// An operation on a group, by a POST whose answer has no body.
    #[cfg(feature = "groupcache-go")]
    pub(crate) async fn tell_group(
        &self,
        group: &str,
        operation: &str,
        body: impl Fn() -> Body,
    ) -> Result<(), Error> {
        let base = &self.http.options().base_path;
        let target = || self.http.group_target(base, group, operation);
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
        self.http.send(Lane::Quick, fill).await
    }

    fn target(&self, group: &str, key: &[u8]) -> String {
        let base = &self.http.options().base_path;
        self.http.target(base, group, key)
    }

    /// Whether a value that has expired on its way counts as no answer.
    fn refuses_expired(&self) -> bool {
        match self.protocol {
            #[cfg(feature = "mailgun")]
            Protocol::Mailgun => true,
            _ => false,
        }
    }

    /// Reads an answer as mailgun's own client does.
    fn read(&self, answer: Answer, group: &str) -> Result<Reply, Error> {
        let text = || failure::message(&answer.body).trim().to_owned();
        // A Go server without groupcache's handler answers 404 to every path.
        let is_stray = answer.body == "404 page not found\n";
        let is_peers = || failure::is_peers(&answer.headers) && !is_stray;
        match answer.status {
            StatusCode::OK => {
                answer.check_type(super::CONTENT_TYPE)?;
                let reply = get_response::decode(answer.body)?;
                let clock = &self.http.options().wall_clock;
                let has_expired = |expiry: Expiry| expiry.life(clock).is_zero();
                if self.refuses_expired() && reply.expiry.is_some_and(has_expired) {
                    return Err(Error::expired());
                }
                Ok(reply)
            }
            _ if failure::is_named(&answer.headers) => Err(failure::error(&answer, group)),
            StatusCode::NOT_FOUND if is_peers() => Err(Error::not_found(text())),
            StatusCode::SERVICE_UNAVAILABLE if is_peers() => Err(Error::getter(text())),
            _ => Err(failure::error(&answer, group)),
        }
    }
}

impl PeerClient for ProtobufClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.http.ping())
    }

    fn connections(&self) -> Option<Connections> {
        Some(self.http.connections())
    }

    fn clock(&self) -> Option<ClockSkew> {
        self.http.clock()
    }

    /// A 404 and a 503 are final. A value of mailgun's that has expired on its way counts as no answer:
    /// another node may be asked.
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            if request.mode == GetMode::Peek {
                return Err(Error::unsupported("peek", self.protocol.name()));
            }
            let (group, key) = (request.group, request.key);
            self.http.check_key(key)?;
            let answer = self
                .http
                .send(Lane::Loads, |_| self.target(group, key))
                .await?;
            self.read(answer, group)
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.http.check_value(&request.value)?;
            let clock = &self.http.options().wall_clock;
            let body = || set_request::encode(&request, set_request::moment(&request, clock));
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

    fn clear<'a>(&'a self, _: &'a str, _: Option<Stamp>) -> BoxFuture<'a, Result<(), Error>> {
        let error = Error::unsupported("clear a group", self.protocol.name());
        Box::pin(async { Err(error) })
    }
}

fn done(answer: &Answer, group: &str) -> Result<(), Error> {
    match answer.status {
        StatusCode::OK => answer.check_empty(),
        _ => Err(failure::error(answer, group)),
    }
}
