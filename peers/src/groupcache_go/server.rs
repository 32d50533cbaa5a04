use http::{Method, Response, StatusCode};

use super::wire;
use crate::http::path::Plus;
use crate::http::question::{Question, REMOVE_KEYS};
use crate::http::{Body, failure};
use crate::mailgun::{self, status};

/// Answers as mailgun's server does, and a POST that removes several keys.
pub(crate) async fn answer(question: Question<'_>) -> Response<Body> {
    if *question.method != Method::POST {
        return mailgun::answer(question).await;
    }
    let address = match question.address(Plus::Plus, status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    if *address.key != *REMOVE_KEYS.as_bytes() {
        return failure::text(StatusCode::NOT_FOUND, "invalid path for POST method");
    }
    let removed = match wire::decode(&question.body) {
        Ok(keys) => {
            let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
            question.remove(&address.group, &keys).await
        }
        Err(error) => Err(error),
    };
    match removed {
        Ok(()) => Response::default(),
        Err(error) => failure::answer(status(&error), &error),
    }
}
