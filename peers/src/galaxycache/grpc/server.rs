use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use prost::Message;
use tokio::time::timeout;
use tonic::Status;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::failure;
use super::wire::{self, GetResponse, PeekResponse};
use crate::access::Effect;
use crate::http::failure as http_failure;
use crate::http::server::{RequestTurns, receive};
use crate::http::{Body, BodyBudget, HttpOptions};
use crate::{BoxFuture, Error, Expiry, GetMode, GetRequest, PeerService, Reply};

/// What the path of every method begins with.
const PREFIX: &str = "/galaxycachepb.GalaxyCache/";

/// Whether a request is to be [answered](answer) here.
pub(crate) fn is_ours<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_2 && request.uri().path().starts_with(PREFIX)
}

/// What a request to this path does.
pub(crate) fn effect(path: &str) -> Effect {
    match path.strip_prefix(PREFIX) {
        Some("GetFromPeer" | "PeekPeer") => Effect::Read,
        _ => Effect::Change,
    }
}

/// Answers a request that [`is_ours`].
///
/// The request's body has to come within [`HttpOptions::body_timeout`]; from then on its
/// `grpc-timeout` is obeyed. What is not gRPC at all is answered as over HTTP.
pub(crate) async fn answer<B>(
    options: &HttpOptions,
    service: &dyn PeerService,
    requests: &RequestTurns,
    bodies: &Arc<BodyBudget>,
    request: Request<B>,
) -> Response<Body>
where
    B: http_body::Body<Data: Send> + Send + 'static,
{
    if request.method() != Method::POST {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let mut response = http_failure::text(status, "method not allowed");
        let post = HeaderValue::from_static("POST");
        response.headers_mut().insert(ALLOW, post);
        return response;
    }
    if !is_grpc(request.headers()) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return http_failure::text(status, "unsupported media type");
    }
    let mode = match request.uri().path().strip_prefix(PREFIX) {
        Some("GetFromPeer") => GetMode::Load,
        Some("PeekPeer") => GetMode::Peek,
        _ => return refusal(Status::unimplemented("no such method")),
    };
    let limit = match time_limit(request.headers()) {
        Ok(limit) => limit,
        Err(status) => return refusal(status),
    };
    let (head, body) = request.into_parts();
    // One short message, and so read as a whole.
    let (limit_of_body, bodies) = (options.max_head_bytes(), Arc::clone(bodies));
    let body = match receive(body, limit_of_body, options.body_timeout, bodies).await {
        Ok(body) => Full::new(body.bytes),
        Err(refusal) => return *refusal,
    };
    let _turn = match requests.next().await {
        Ok(turn) => turn,
        Err(error) => return refused(&error),
    };
    let request = Request::from_parts(head, body);
    let call = Call {
        options,
        service,
        limit,
        mode,
    };
    match mode {
        GetMode::Peek => unary::<PeekResponse>(call, request).await,
        _ => unary::<GetResponse>(call, request).await,
    }
}

/// The answer to a request that nobody looks into.
pub(crate) fn refused(error: &Error) -> Response<Body> {
    refusal(failure::status(error))
}

/// The answer when the [`PeerService`] panicked.
pub(crate) fn panicked() -> Response<Body> {
    refusal(Status::internal("internal error"))
}

fn refusal(status: Status) -> Response<Body> {
    status.into_http()
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let subtype = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
    // Of the codecs that may be named after a plus sign only the default one is known.
    matches!(subtype, Some(b"" | b"+proto" | [b';', ..]))
}

/// The caller's patience: at most eight digits and a unit.
fn time_limit(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    let parse = || {
        let (digits, unit) = value
            .to_str()
            .ok()?
            .split_at_checked(value.len().checked_sub(1)?)?;
        if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number = digits.parse().ok()?;
        Some(match unit {
            "H" => Duration::from_secs(3600 * number),
            "M" => Duration::from_secs(60 * number),
            "S" => Duration::from_secs(number),
            "m" => Duration::from_millis(number),
            "u" => Duration::from_micros(number),
            "n" => Duration::from_nanos(number),
            _ => return None,
        })
    };
    parse()
        .map(Some)
        .ok_or_else(|| Status::internal("malformed grpc-timeout"))
}

/// Decodes the request, has it answered, and encodes the answer. That is whole: a value, framed,
/// and trailers; or an error without a body.
async fn unary<R>(call: Call<'_>, request: Request<Full<Bytes>>) -> Response<Body>
where
    R: Message + From<Reply>,
{
    let reply = Mutex::new(None);
    let answering = Answering {
        call,
        reply: &reply,
    };
    let response = Grpc::new(ProstCodec::<(), wire::Request>::new())
        .max_decoding_message_size(call.options.max_head_bytes())
        .unary(answering, request)
        .await;
    let (head, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body,
        Err(status) => return refusal(status),
    };
    let (Some(reply), Some(trailers)) = (reply.into_inner(), body.trailers()) else {
        return Response::from_parts(head, Body::from(body.to_bytes()));
    };
    match wire::framed::<R>(reply) {
        Ok(message) => {
            let body = Body::new(message).with_trailers(trailers.clone());
            Response::from_parts(head, body)
        }
        Err(error) => refused(&error),
    }
}

/// What is known of a request before its message is decoded.
#[derive(Clone, Copy)]
struct Call<'a> {
    options: &'a HttpOptions,
    service: &'a dyn PeerService,
    limit: Option<Duration>,
    mode: GetMode,
}

impl Call<'_> {
    async fn get(self, request: wire::Request) -> Result<Reply, Error> {
        let (key, max_key) = (&*request.key, self.options.max_key_bytes);
        if key.len() > max_key {
            return Err(Error::too_large("a key", key.len() as u64, max_key as u64));
        }
        let group = str::from_utf8(&request.galaxy)
            .map_err(|_| Error::no_such_group(String::from_utf8_lossy(&request.galaxy)))?;
        let asked = self.service.get(GetRequest {
            group,
            key,
            mode: self.mode,
            known: &[],
        });
        let mut reply = match self.limit {
            // Expired on arrival: nobody waits for the value.
            Some(Duration::ZERO) => return Err(Error::timed_out("a request", Duration::ZERO)),
            Some(limit) => timeout(limit, asked)
                .await
                .map_err(|_| Error::timed_out("a request", limit))??,
            None => asked.await?,
        };
        let (size, limit) = (reply.value.len(), self.options.max_value_bytes);
        if size > limit {
            return Err(Error::too_large("a value", size as u64, limit as u64));
        }
        let clock = &self.options.wall_clock;
        let moment = reply.expiry.map(|expiry| expiry.moment(clock));
        reply.expiry = moment.map(Expiry::At);
        Ok(reply)
    }
}

/// A call as the service that tonic asks. Its message is empty: the reply goes another way, on which its value is not copied.
struct Answering<'a> {
    call: Call<'a>,
    reply: &'a Mutex<Option<Reply>>,
}

impl<'a> Service<tonic::Request<wire::Request>> for Answering<'a> {
    type Response = tonic::Response<()>;
    type Error = Status;
    type Future = BoxFuture<'a, Result<tonic::Response<()>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<wire::Request>) -> Self::Future {
        let (call, answer) = (self.call, self.reply);
        Box::pin(async move {
            let reply = call.get(request.into_inner()).await;
            let reply = reply.map_err(|error| failure::status(&error))?;
            *answer.lock() = Some(reply);
            Ok(tonic::Response::new(()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_of(text: &str) -> Result<Option<Duration>, Status> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", HeaderValue::from_str(text).unwrap());
        time_limit(&headers)
    }

    #[test]
    fn a_time_limit_has_at_most_eight_digits_and_a_unit() {
        for (text, limit) in [
            ("4999881u", Duration::from_micros(4_999_881)),
            ("47012948n", Duration::from_nanos(47_012_948)),
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("4m", Duration::from_millis(4)),
            ("0n", Duration::ZERO),
            ("99999999H", Duration::from_secs(3600 * 99_999_999)),
        ] {
            assert_eq!(limit_of(text).unwrap(), Some(limit));
        }
        for text in [
            "",
            "u",
            "1",
            "-1S",
            "+1S",
            "1s",
            "1 S",
            "123456789S",
            "1.5S",
        ] {
            assert!(limit_of(text).is_err(), "{text}");
        }
        assert_eq!(time_limit(&HeaderMap::new()).unwrap(), None);
    }
}
