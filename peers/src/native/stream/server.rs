use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use byteview::ByteView;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::PROTOCOL;
use super::wire::answer::Answer;
use super::wire::clear::Clear;
use super::wire::{clear, get, get_many, kind, remove, set};
use crate::access::Pass;
use crate::http::server::catch_unwind::catch;
use crate::http::server::{Limited, RequestTurns};
use crate::http::{Body, BodyBudget, Share};
use crate::native::wire::{get_many_response, knowledge, member_ids, offer};
use crate::stream::Hello;
use crate::stream::limits::{PIECE, SMALL};
use crate::stream::server::{Answerer, Session, Times};
use crate::stream::traced;
use crate::{BoxFuture, Error, GetManyReply, HttpOptions, PeerService, Reply};

/// The most keys of one call that are looked up on the connection's task: others wait behind them for some tens of
/// microseconds.
const KEYS_AT_ONCE: usize = 256;

/// Whether a request asks for a stream.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .is_some_and(|protocol| protocol == PROTOCOL)
}

/// The answer that grants it.
pub(crate) fn switching() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static(PROTOCOL));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    traced::take(headers);
    response
}

/// What the streams of a service share.
#[derive(Clone)]
pub(crate) struct StreamService {
    pub(crate) service: Arc<dyn PeerService>,
    pub(crate) options: Arc<HttpOptions>,
    /// One permit per call that is being answered on a task.
    pub(crate) requests: Arc<RequestTurns>,
    /// What the stream was opened with.
    pub(crate) pass: Pass,
    /// The bytes of all messages that are being received.
    pub(crate) bodies: Arc<BodyBudget>,
}

/// Answers the calls of one stream until it ends. `first` was read from it already.
pub(crate) async fn serve(
    io: impl AsyncRead + AsyncWrite + Unpin,
    first: &[u8],
    service: StreamService,
    draining: BoxFuture<'static, ()>,
) {
    let options = &service.options;
    let hello = Hello {
        max_calls: u32::try_from(options.max_calls_per_connection).unwrap_or(u32::MAX),
        max_message: options.max_message_bytes() as u64,
    };
    let times = Times {
        due: options.write_timeout.min(options.body_timeout),
        message: options.body_timeout,
        idle: options.server_idle_timeout,
        drain: options.drain_timeout,
    };
    let bodies = Arc::clone(&service.bodies);
    let why = Session::new(io, first, service, hello, times, bodies, draining).await;
    tracing::debug!(%why, "a stream has ended");
}

impl Answerer for StreamService {
    type Answer = Answer;

    fn answer_now(&self, kind: u8, message: &[u8]) -> Option<Answer> {
        if !self.pass.is_valid() {
            return Some(self.refused());
        }
        let cached = AssertUnwindSafe(|| match kind {
            kind::GET => self.get_cached(message),
            kind::GET_MANY => self.get_many_cached(message),
            _ => None,
        });
        catch_unwind(cached).unwrap_or_else(|_| Some(panicked()))
    }

    fn answer(&self, kind: u8, message: Bytes) -> BoxFuture<'static, Answer> {
        let this = self.clone();
        Box::pin(async move {
            // The credentials may have expired since the call was read.
            if !this.pass.is_valid() {
                return this.refused();
            }
            let _turn = match this.requests.next().await {
                Ok(turn) => turn,
                Err(error) => return this.error(&error),
            };
            let answer = catch(this.work(kind, message)).await;
            answer.unwrap_or_else(|_| panicked())
        })
    }

    fn error(&self, error: &Error) -> Answer {
        Answer::Failure(error.into())
    }
}

impl StreamService {
    /// The answer to a call that crosses with the end of the stream's credentials.
    fn refused(&self) -> Answer {
        let status = StatusCode::UNAUTHORIZED.as_u16();
        self.error(&Error::status(
            status,
            "the stream's credentials are good no more",
        ))
    }

    /// The value from memory.
    fn get_cached(&self, message: &[u8]) -> Option<Answer> {
        let received = match get::read(message) {
            Ok(received) => received,
            Err(error) => return Some(bad(&error)),
        };
        let request = received.as_request();
        if let Err(error) = self.limited().check_key(request.key) {
            return Some(self.error(&error));
        }
        let result = self.service.get_cached(request)?;
        Some(self.value(self.limited().checked(request.mode, result)))
    }

    /// The values of several keys, if they are in memory and few.
    fn get_many_cached(&self, message: &[u8]) -> Option<Answer> {
        if message.len() > SMALL {
            return None;
        }
        let received = match get_many::read(message) {
            Ok(received) => received,
            Err(error) => return Some(bad(&error)),
        };
        let request = received.as_request();
        if request.keys.len() > KEYS_AT_ONCE {
            return None;
        }
        // First, as an answer that is there is counted.
        let longest = PIECE.min(self.longest_values());
        let mut share = self.bodies.share_now(longest)?;
        let room = get_many_response::room(longest, request.keys.len());
        let reply = match self.limited().get_many_cached(request, room)? {
            Ok(reply) => reply,
            Err(error) => return Some(self.error(&error)),
        };
        let length = get_many_response::expected_len(&reply);
        if length > longest {
            return None;
        }
        share.shrink(if length > SMALL { length } else { 0 });
        let values = get_many_response::encode(&reply, self.longest_values());
        Some(Answer::Values(held(values.into(), share)))
    }

    /// The longest answer to a get of several keys.
    fn longest_values(&self) -> usize {
        GetManyReply::MAX_BYTES.min(self.options.max_body_bytes())
    }

    async fn work(&self, kind: u8, message: Bytes) -> Answer {
        let done = match kind {
            kind::GET => return self.get(&message).await,
            kind::GET_MANY => return self.get_many(&message).await,
            kind::SYNC => return self.sync(&message).await,
            kind::SET => self.set(message).await,
            kind::REMOVE => self.remove(&message).await,
            kind::CLEAR => self.clear(&message).await,
            kind::BEHIND => self.note_behind(&message).await,
            kind::OFFER => self.offer(&message).await,
            _ => {
                let text = format!("bad request: a call of the unknown kind {kind}");
                Err(Error::unsupported_by_peer(text))
            }
        };
        match done {
            Ok(()) => Answer::Done,
            Err(error) => bad(&error),
        }
    }

    /// The value that a load has made. A long one counts into the budget until it is written: unlike a
    /// value from the cache, nothing else bounds it.
    async fn get(&self, message: &[u8]) -> Answer {
        let begun = Instant::now();
        let result = match get::read(message) {
            Ok(received) => self.limited().get(received.as_request()).await,
            Err(error) => return bad(&error),
        };
        let clock = &self.options.wall_clock;
        match result.map(|reply| reply.counted_from(begun, clock)) {
            Ok(reply) if reply.value.len() > SMALL => {
                let share = self.bodies.share(reply.value.len()).await;
                let value = held(reply.value, share);
                Answer::Value(Reply { value, ..reply })
            }
            result => self.value(result),
        }
    }

    fn value(&self, result: Result<Reply, Error>) -> Answer {
        match result {
            Ok(reply) => Answer::Value(reply),
            Err(error) => self.error(&error),
        }
    }

    /// The values of several keys. An answer that is too long leaves some out.
    async fn get_many(&self, message: &[u8]) -> Answer {
        let received = match get_many::read(message) {
            Ok(received) => received,
            Err(error) => return bad(&error),
        };
        let begun = Instant::now();
        match self.limited().get_many(received.as_request()).await {
            Ok(reply) => {
                let reply = reply.counted_from(begun, &self.options.wall_clock);
                let limit = self.longest_values();
                let length = get_many_response::expected_len(&reply).min(limit);
                let share = self.bodies.share(length).await;
                let values = get_many_response::encode(&reply, limit);
                Answer::Values(held(values.into(), share))
            }
            Err(error) => self.error(&error),
        }
    }

    /// What this node knows of changes. It counts into the budget until it is written.
    async fn sync(&self, message: &[u8]) -> Answer {
        let known = match knowledge::decode(message) {
            Ok(told) => self.service.sync(told).await,
            Err(error) => return bad(&error),
        };
        match known.and_then(|known| knowledge::encode(&known)) {
            Ok(known) => {
                let share = self.bodies.share(known.len()).await;
                Answer::Knowledge(held(known.into(), share))
            }
            Err(error) => self.error(&error),
        }
    }

    async fn set(&self, message: Bytes) -> Result<(), Error> {
        let set = set::read(message)?;
        self.limited().set(set.as_request()).await
    }

    async fn remove(&self, message: &[u8]) -> Result<(), Error> {
        let removal = remove::read(message)?;
        self.limited().remove(removal.as_request()).await
    }

    async fn clear(&self, message: &[u8]) -> Result<(), Error> {
        let Clear { group, stamp } = clear::read(message)?;
        self.service.clear(group, stamp).await
    }

    async fn note_behind(&self, message: &[u8]) -> Result<(), Error> {
        let members = member_ids::decode(message)?;
        self.service.note_behind(&members).await
    }

    async fn offer(&self, message: &[u8]) -> Result<(), Error> {
        let offer = offer::decode(message)?;
        self.service.offer(offer.as_request()).await
    }

    fn limited(&self) -> Limited<'_> {
        Limited {
            service: &*self.service,
            options: &self.options,
        }
    }
}

/// A body that keeps its share of the budget until it is dropped.
fn held(body: ByteView, share: Share) -> ByteView {
    struct Held(ByteView, Share);

    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            let Self(body, _share) = self;
            body
        }
    }

    Bytes::from_owner(Held(body, share)).into()
}

/// The answer to a call that failed. One that cannot be read gets the status of a bad request.
fn bad(error: &Error) -> Answer {
    if error.is_malformed() {
        let text = format!("bad request: {error}");
        return Answer::Failure((&Error::status(StatusCode::BAD_REQUEST.as_u16(), text)).into());
    }
    Answer::Failure(error.into())
}

fn panicked() -> Answer {
    tracing::error!("the peer service panicked");
    let status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
    Answer::Failure((&Error::status(status, "internal error")).into())
}
