use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};

use super::wire;
use crate::GetMode;
use crate::golang::status;
use crate::http::path::{self, Plus};
use crate::http::question::Question;
use crate::http::{Body, failure};

/// Answers a GET, a DELETE or a POST.
pub(crate) async fn answer(question: Question<'_>) -> Response<Body> {
    let path = path::unescape(question.target, Plus::Plus);
    if path.is_ok_and(|path| path.rsplit(|&byte| byte == b'/').next() == Some(wire::HEALTH)) {
        return carrying("text/plain; charset=utf-8", "ok".into());
    }
    let address = match question.address(Plus::Plus, status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    if wire::unsayable(&address.key).is_some() {
        return failure::text(StatusCode::BAD_REQUEST, "bad request");
    }
    let answered = match *question.method {
        Method::DELETE => question
            .remove(&address.group, &[&address.key])
            .await
            .map(|()| Response::default()),
        Method::POST => question
            .get(&address, GetMode::WarmUp)
            .await
            .map(|_| Response::default()),
        _ => question.get(&address, question.mode).await.map(|reply| {
            let value = Body::from(reply.value.into_bytes());
            carrying("application/octet-stream", value)
        }),
    };
    answered.unwrap_or_else(|error| failure::answer(status(&error), &error))
}

fn carrying(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
