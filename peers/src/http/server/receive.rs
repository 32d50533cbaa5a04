use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::Error;
use crate::http::{Body, BodyBudget, Gathered, Share, failure};

/// The most memory that is set aside because a client says that its body will be so long.
const MAX_TRUST: usize = 64 << 10;

/// The whole body of a request, with its share of the budget.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    _share: Share,
}

/// Reads a request's body to its end, or says what is wrong with it: 413, 408, or 400 when it
/// breaks off. A body of one piece is not copied.
///
/// A body that does not fit into the budget beside the others is not read on, until they are gone or
/// its time is over.
pub(crate) async fn receive<B: http_body::Body>(
    body: B,
    limit: usize,
    time: Duration,
    budget: Arc<BodyBudget>,
) -> Result<Received, Box<Response<Body>>> {
    match timeout(time, read(body, limit, &budget)).await {
        Ok(Ok(received)) => Ok(received),
        Ok(Err(refusal)) => Err(refusal.into()),
        Err(_) => {
            let error = Error::timed_out("reading a request body", time);
            Err(failure::answer(StatusCode::REQUEST_TIMEOUT, &error).into())
        }
    }
}

async fn read<B: http_body::Body>(
    body: B,
    limit: usize,
    budget: &BodyBudget,
) -> Result<Received, Response<Body>> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let (mut whole, mut share) = (Gathered::new(expected, MAX_TRUST), Share::default());
    let mut body = pin!(body);
    loop {
        // In a block, so that no error of the body is kept across an await.
        let data = {
            let Some(frame) = body.frame().await else {
                break;
            };
            let Ok(frame) = frame else {
                let text = "bad request: the body broke off";
                return Err(failure::text(StatusCode::BAD_REQUEST, text));
            };
            frame.into_data()
        };
        let Ok(mut data) = data else {
            continue; // trailers
        };
        let length = data.remaining();
        if length > limit - whole.len() {
            let size = whole.len() as u64 + length as u64;
            let error = Error::too_large("a request body", size, limit as u64);
            return Err(failure::answer(StatusCode::PAYLOAD_TOO_LARGE, &error));
        }
        let is_whole = whole.len() == 0 && body.is_end_stream();
        let room = match is_whole {
            true => length,
            false => length.max(expected.min(MAX_TRUST).saturating_sub(whole.len())),
        };
        budget.grow(&mut share, whole.len() + room).await;
        if is_whole {
            let bytes = data.copy_to_bytes(length);
            let _share = share;
            return Ok(Received { bytes, _share });
        }
        whole.extend(data);
    }
    Ok(Received {
        bytes: whole.into_bytes(),
        _share: share,
    })
}
