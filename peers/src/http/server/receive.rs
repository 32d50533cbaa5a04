use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::Error;
use crate::http::{Body, failure};

/// The most memory that is set aside because a client says that its body will be so long.
const MAX_TRUST: usize = 64 << 10;

/// Reads a request's body to its end, or says what is wrong with it: 413, 408, or 400 when it
/// breaks off. A body of one piece is not copied.
pub(crate) async fn receive<B: http_body::Body>(
    body: B,
    limit: usize,
    time: Duration,
) -> Result<Bytes, Box<Response<Body>>> {
    match timeout(time, read(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(refusal)) => Err(refusal.into()),
        Err(_) => {
            let error = Error::timed_out("reading a request body", time);
            Err(failure::answer(StatusCode::REQUEST_TIMEOUT, &error).into())
        }
    }
}

async fn read<B: http_body::Body>(body: B, limit: usize) -> Result<Bytes, Response<Body>> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut whole = BytesMut::new();
    let mut body = pin!(body);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            failure::text(StatusCode::BAD_REQUEST, "bad request: the body broke off")
        })?;
        let Ok(mut data) = frame.into_data() else {
            continue; // trailers
        };
        let length = data.remaining();
        if length > limit - whole.len() {
            let size = whole.len() as u64 + length as u64;
            let error = Error::too_large("a request body", size, limit as u64);
            return Err(failure::answer(StatusCode::PAYLOAD_TOO_LARGE, &error));
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data.copy_to_bytes(length));
        }
        whole.reserve(length.max(expected.min(MAX_TRUST).saturating_sub(whole.len())));
        whole.extend_from_slice(&data.copy_to_bytes(length));
    }
    Ok(whole.freeze())
}
