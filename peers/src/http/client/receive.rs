use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::answer::Answer;
use super::http_client::{AnswerLimit, HttpClient};
use crate::Error;
use crate::http::{Gathered, Share, failure};

/// How much of an error's text is read.
const MAX_MESSAGE_BYTES: usize = 8 << 10;
/// The most memory that is allocated for a body because of its stated length.
const MAX_TRUST: usize = 1 << 20;
/// The same for an answer that has a limit of its own. It is rare and not a value, so that growing costs nothing that counts.
const MAX_TRUST_OF_OTHERS: usize = 64 << 10;
/// Bodies up to this size are copied out of the connection's read buffer: that is cheaper than a
/// new read buffer, and a small value that is kept does not keep a large buffer alive.
const COPIED_BYTES: usize = 4 << 10;

/// The receiving of answers: what is no answer of the peer, or too long, is an error.
impl HttpClient {
    /// Reads the body, and says whether the connection can be used again.
    pub(super) async fn read(
        &self,
        response: Response<Incoming>,
        asked: Instant,
        limit: Option<AnswerLimit>,
    ) -> Result<(Answer, bool), Error> {
        let (head, body) = response.into_parts();
        self.check_origin(head.status, &head.headers)?;
        let (body, whole) = if head.status == StatusCode::OK {
            self.check_body(&head.headers)?;
            (self.read_value(body, limit).await?, true)
        } else {
            self.read_message(body).await?
        };
        Ok((
            Answer {
                status: head.status,
                headers: head.headers,
                body,
                asked,
            },
            whole,
        ))
    }

    /// Refuses a body that is encoded, which no request allows, and one that ends with the connection:
    /// its end cannot be told from a broken connection. Peers send a length, or chunks.
    fn check_body(&self, headers: &HeaderMap) -> Result<(), Error> {
        let reason = if headers.contains_key(CONTENT_ENCODING) {
            "is encoded"
        } else if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING)
        {
            "has no length"
        } else {
            return Ok(());
        };
        Err(Error::malformed(format!(
            "the answer of {} {reason}",
            self.name()
        )))
    }

    async fn read_value(
        &self,
        mut body: Incoming,
        limit: Option<AnswerLimit>,
    ) -> Result<Bytes, Error> {
        let (limit, trust) = match limit {
            Some(AnswerLimit(limit)) => (limit, MAX_TRUST_OF_OTHERS),
            None => (self.options().max_body_bytes(), MAX_TRUST),
        };
        let too_large = |size| Error::too_large("a peer's answer", size, limit as u64);
        let expected = body.size_hint().lower();
        if expected > limit as u64 {
            return Err(too_large(expected));
        }
        let Some(first) = self.next_frame(&mut body).await? else {
            return Ok(Bytes::new());
        };
        if body.is_end_stream() && first.len() <= limit {
            return Ok(match first.len() {
                ..=COPIED_BYTES => Bytes::copy_from_slice(&first),
                _ => first,
            });
        }
        let mut value = Gathered::new(expected as usize, trust);
        let mut share = Share::default();
        let mut next = Some(first);
        while let Some(frame) = next {
            if frame.len() > limit - value.len() {
                return Err(too_large((value.len() + frame.len()) as u64));
            }
            self.bodies
                .grow(&mut share, value.len() + frame.len())
                .await;
            value.extend(frame);
            next = self.next_frame(&mut body).await?;
        }
        Ok(value.into_bytes())
    }

    /// Reads the beginning of an error's text, and says whether that was all.
    pub(super) async fn read_message(&self, mut body: Incoming) -> Result<(Bytes, bool), Error> {
        let mut message = BytesMut::new();
        while let Some(frame) = self.next_frame(&mut body).await? {
            let room = MAX_MESSAGE_BYTES - message.len();
            message.extend_from_slice(&frame[..frame.len().min(room)]);
            if frame.len() > room {
                return Ok((message.freeze(), false));
            }
        }
        Ok((message.freeze(), true))
    }

    /// The next bytes of a body. Trailers are skipped.
    async fn next_frame(&self, body: &mut Incoming) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(|error| self.broken(error))?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Passes on the refusal of a peer that is not the one that is meant.
    pub(super) async fn check_addressee(&self, answer: Response<Incoming>) -> Result<(), Error> {
        if answer.status() != StatusCode::MISDIRECTED_REQUEST
            || !failure::is_named(answer.headers())
        {
            return Ok(());
        }
        let (answer, _) = self.read(answer, Instant::now(), None).await?;
        Err(failure::error(&answer, ""))
    }

    /// Refuses the answer of a gateway that could not reach the peer. It has one of three statuses, and
    /// lacks what every error of a peer has: ours has a name, and Go's a header against sniffing.
    pub(super) fn check_origin(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<(), Error> {
        let is_gateways = matches!(
            status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        );
        let is_peers = failure::is_peers(headers);
        if is_gateways && !is_peers {
            let source = format!("a gateway answered {status} in its place");
            return Err(Error::unreachable(self.name(), source));
        }
        Ok(())
    }
}
