use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use http::uri::PathAndQuery;
use parking_lot::Mutex;
use prost::Message;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, IntoStreamingRequest as _, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::EtcdOptions;
use super::messages::{AuthenticateRequest, AuthenticateResponse};
use super::options::Credentials;
use super::servers::Servers;
use crate::Error;

/// Calls the servers of an etcd cluster: one of them, and the next one where that fails.
pub(super) struct Client {
    servers: Arc<Servers>,
    credentials: Option<Credentials>,
    /// Stands for the credentials. `None` before the first call, and when a server knows it no longer.
    token: Mutex<Option<AsciiMetadataValue>>,
    timeout: Duration,
}

/// The most servers.
const MOST_SERVERS: usize = 16;

/// How often a quiet connection is tried. etcd takes less than 5 s for an attack. The time counts from the answer to
/// the ping before, so it is never less for the server.
const PING_INTERVAL: Duration = Duration::from_secs(5);

impl Client {
    /// Makes no connection yet.
    ///
    /// # Errors
    ///
    /// No URL or too many, not a URL, or certificates that cannot be read.
    pub(super) fn new(urls: &[String], options: &EtcdOptions) -> Result<Self, Error> {
        if urls.is_empty() || urls.len() > MOST_SERVERS {
            let reason = format!("from 1 to {MOST_SERVERS} are needed, not {}", urls.len());
            return Err(Error::invalid_option("etcd URLs", reason));
        }
        let servers: Result<_, Error> = urls.iter().map(|url| channel(url, options)).collect();
        Ok(Self {
            servers: Arc::new(Servers::new(servers?)),
            credentials: options.credentials.clone(),
            token: Mutex::default(),
            timeout: options.timeout,
        })
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A call with one answer.
    pub(super) async fn call<Q, A>(&self, path: &'static str, message: Q) -> Result<A, Status>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        self.try_servers(|_, server, metadata| {
            let request = with_metadata(Request::new(message.clone()), metadata);
            unary(server, path, request)
        })
        .await
    }

    /// A call with many answers. `requests` makes the stream of requests for each server that is tried; the stream
    /// ends with the answers' value.
    pub(super) async fn stream<S, A>(
        &self,
        path: &'static str,
        requests: impl Fn() -> S,
    ) -> Result<Answers<A>, Status>
    where
        S: Stream<Item: Message + 'static> + Send + 'static,
        A: Message + Default + 'static,
    {
        self.try_servers(|number, server, mut metadata| {
            // Has a server that lost the others end the stream, where it would otherwise be silent.
            metadata.insert("hasleader", AsciiMetadataValue::from_static("true"));
            let (open, closed) = oneshot::channel();
            let requests = requests().take_until(closed).into_streaming_request();
            let request = with_metadata(requests, metadata);
            let servers = Arc::clone(&self.servers);
            async move {
                let stream = streaming(server, path, request).await?;
                Ok(Answers {
                    stream,
                    servers,
                    number,
                    _open: open,
                })
            }
        })
        .await
    }

    /// Tries each server once, beginning with the one that answered last, and once more with a new token.
    async fn try_servers<A, F>(
        &self,
        attempt: impl Fn(usize, Channel, MetadataMap) -> F,
    ) -> Result<A, Status>
    where
        F: Future<Output = Result<A, Status>>,
    {
        let mut failure = Status::unavailable("no server");
        for _ in 0..=self.servers.count() {
            let (number, server) = self.servers.current();
            let answer = timeout(self.timeout, async {
                let metadata = self.metadata(server.clone()).await?;
                attempt(number, server, metadata).await
            });
            failure = match answer.await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded(format!("no answer within {:?}", self.timeout)),
            };
            if is_of_server(&failure) {
                self.servers.pass_over(number);
            } else if !self.forgets_token(&failure) {
                break;
            }
        }
        Err(failure)
    }

    /// What a request says besides its message: the token.
    async fn metadata(&self, server: Channel) -> Result<MetadataMap, Status> {
        let mut metadata = MetadataMap::new();
        let Some(Credentials { user, password }) = &self.credentials else {
            return Ok(metadata);
        };
        let known = self.token.lock().clone();
        let token = match known {
            Some(token) => token,
            None => {
                let request = AuthenticateRequest {
                    name: user.clone(),
                    password: password.clone(),
                };
                let path = "/etcdserverpb.Auth/Authenticate";
                let answer = unary(server, path, Request::new(request)).await;
                let AuthenticateResponse { token } = match answer {
                    // The servers ask nobody for credentials, so these are not needed.
                    Err(status) if status.message().contains("not enabled") => return Ok(metadata),
                    answer => answer?,
                };
                let token = AsciiMetadataValue::try_from(token)
                    .map_err(|_| Status::internal("the token is not ASCII"))?;
                self.token.lock().insert(token).clone()
            }
        };
        metadata.insert("token", token);
        Ok(metadata)
    }

    /// Whether the servers refuse the token, which is then forgotten.
    fn forgets_token(&self, failure: &Status) -> bool {
        let is_refused = failure.code() == Code::Unauthenticated
            || failure.message().contains("revision of auth store is old");
        is_refused && self.token.lock().take().is_some()
    }
}

/// The answers of a call with many.
#[derive(Debug)]
pub(super) struct Answers<A> {
    stream: Streaming<A>,
    servers: Arc<Servers>,
    /// That of the server which answers.
    number: usize,
    /// Ends the stream of requests when it is dropped. That the answers are dropped would not: hyper goes on sending
    /// as long as there are requests, so that a lease would be renewed for good.
    _open: oneshot::Sender<()>,
}

impl<A> Answers<A> {
    /// The next answer, or `None` at their end. After the end or a failure the next server is asked first. Loses no
    /// answer when it is dropped before it is ready.
    pub(super) async fn message(&mut self) -> Result<Option<A>, Status> {
        let answer = self.stream.message().await;
        if !matches!(answer, Ok(Some(_))) {
            self.servers.pass_over(self.number);
        }
        answer
    }

    /// The next answer as above, where silence for so long is a failure too.
    pub(super) async fn message_within(&mut self, time: Duration) -> Result<Option<A>, Status> {
        let answer = timeout(time, self.message()).await;
        answer.unwrap_or_else(|_| {
            self.servers.pass_over(self.number);
            let reason = format!("no answer within {time:?}");
            Err(Status::deadline_exceeded(reason))
        })
    }
}

/// Whether another server may do better.
fn is_of_server(failure: &Status) -> bool {
    matches!(
        failure.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown
    )
}

fn channel(url: &str, options: &EtcdOptions) -> Result<Channel, Error> {
    let refused = |error| Error::discovery("etcd", error);
    let uri: http::Uri = url
        .parse()
        .map_err(|error| Error::invalid_option("etcd URL", format!("{error}")))?;
    let is_plain = match uri.scheme_str() {
        Some("http") => true,
        Some("https") => false,
        _ => {
            let reason = "it starts with http:// or https://, as in http://10.0.0.9:2379";
            return Err(Error::invalid_option("etcd URL", reason));
        }
    };
    let authority = uri.authority();
    let Some(authority) = authority.filter(|it| !it.as_str().contains('@')) else {
        let reason = "it has a host and no user; credentials are an option";
        return Err(Error::invalid_option("etcd URL", reason));
    };
    if authority.as_str() != authority.host() && authority.port_u16().is_none() {
        // Not repeated: the end of a password that is not percent-encoded would be taken for it.
        let reason = "its port is not a number from 0 to 65535";
        return Err(Error::invalid_option("etcd URL", reason));
    }
    let endpoint = Endpoint::from(uri)
        .connect_timeout(options.timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(options.timeout)
        .keep_alive_while_idle(true);
    if is_plain {
        return Ok(endpoint.connect_lazy());
    }
    let endpoint = endpoint.tls_config(options.tls()).map_err(refused)?;
    Ok(endpoint.connect_lazy())
}

async fn ready(server: Channel) -> Result<Grpc<Channel>, Status> {
    let mut grpc = Grpc::new(server);
    let ready = grpc.ready().await;
    ready.map_err(|error| Status::unavailable(with_sources(&error)))?;
    Ok(grpc)
}

async fn unary<Q, A>(server: Channel, path: &'static str, request: Request<Q>) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut grpc = ready(server).await?;
    let path = PathAndQuery::from_static(path);
    let answer = grpc.unary(request, path, ProstCodec::default()).await?;
    Ok(answer.into_inner())
}

async fn streaming<S, A>(
    server: Channel,
    path: &'static str,
    requests: Request<S>,
) -> Result<Streaming<A>, Status>
where
    S: Stream<Item: Message + 'static> + Send + 'static,
    A: Message + Default + 'static,
{
    let mut grpc = ready(server).await?;
    let path = PathAndQuery::from_static(path);
    let answer = grpc
        .streaming(requests, path, ProstCodec::default())
        .await?;
    Ok(answer.into_inner())
}

fn with_metadata<T>(mut request: Request<T>, metadata: MetadataMap) -> Request<T> {
    *request.metadata_mut() = metadata;
    request
}

/// tonic's own text is "transport error", and the reason is in the sources.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("servers", &self.servers.count())
            .field("current", &self.servers.current().0)
            .finish_non_exhaustive()
    }
}
