use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use headers::{HeaderMapExt, LastModified};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::body::{ObjectBody, Part};
use super::conditions::{Validators, Verdict};
use super::entity_tag::entity_tag;
use super::multipart::{Multipart, content_range};
use super::ranges::Ranges;
use crate::ErrorKind;
use crate::objects::object::Object;
use crate::objects::objects::Objects;

const UNKNOWN_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The answer to a `GET` or `HEAD` of this version, whose body has yet to begin.
pub(super) fn answer(
    objects: &Objects,
    object: &Arc<Object>,
    method: &Method,
    request: &HeaderMap,
    most_ranges: usize,
) -> Response<ObjectBody> {
    let info = &object.info;
    let validators = Validators {
        tag: entity_tag(info.validator()),
        modified: info.modified(),
    };
    let mut head = HeaderMap::new();
    head.insert(header::ETAG, validators.tag.clone());
    if let Some(modified) = validators.modified {
        head.typed_insert(LastModified::from(modified));
    }
    match validators.verdict(request) {
        Verdict::Send => {}
        Verdict::NotModified => return empty(StatusCode::NOT_MODIFIED, head),
        Verdict::PreconditionFailed => return empty(StatusCode::PRECONDITION_FAILED, head),
    }
    head.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let content_type = info.content_type().map(HeaderValue::try_from);
    let content_type = content_type.and_then(Result::ok).unwrap_or(UNKNOWN_TYPE);

    let len = info.len();
    let part =
        |range| Part::Object(objects.stream(Arc::clone(object), range, objects.read_ahead()));
    let (status, parts) = match ranges(method, request, &validators, len, most_ranges) {
        Ranges::Ignored => {
            head.insert(header::CONTENT_TYPE, content_type);
            (StatusCode::OK, vec![part(0..len)])
        }
        Ranges::Unsatisfiable => {
            insert(&mut head, header::CONTENT_RANGE, format!("bytes */{len}"));
            return empty(StatusCode::RANGE_NOT_SATISFIABLE, head);
        }
        Ranges::Parts(ranges) => {
            let parts = match &ranges[..] {
                [range] => {
                    head.insert(header::CONTENT_TYPE, content_type);
                    insert(&mut head, header::CONTENT_RANGE, content_range(range, len));
                    vec![part(range.clone())]
                }
                ranges => framed(ranges, Multipart::new(content_type, len), &mut head, part),
            };
            (StatusCode::PARTIAL_CONTENT, parts)
        }
    };
    let Some(body) = ObjectBody::new(parts) else {
        return refusal(ErrorKind::ValueTooLarge);
    };
    head.insert(header::CONTENT_LENGTH, body.left().into());
    // Nothing is read for a body that is not sent.
    let body = match *method {
        Method::HEAD => ObjectBody::default(),
        _ => body,
    };
    respond(status, head, body)
}

/// What the request asks for. Ranges are of a `GET` alone.
fn ranges(
    method: &Method,
    request: &HeaderMap,
    validators: &Validators,
    len: u64,
    most: usize,
) -> Ranges {
    let mut headers = request.get_all(header::RANGE).iter();
    match (headers.next().map(HeaderValue::to_str), headers.next()) {
        (Some(Ok(text)), None) if *method == Method::GET && validators.allow_ranges(request) => {
            Ranges::of(text, len, most)
        }
        _ => Ranges::Ignored,
    }
}

fn framed(
    ranges: &[Range<u64>],
    mut frame: Multipart,
    head: &mut HeaderMap,
    part: impl Fn(Range<u64>) -> Part,
) -> Vec<Part> {
    if let Some(content_type) = frame.content_type() {
        head.insert(header::CONTENT_TYPE, content_type);
    }
    let mut parts = Vec::new();
    for range in ranges {
        parts.push(Part::Bytes(frame.head(range)));
        parts.push(part(range.clone()));
    }
    parts.push(Part::Bytes(frame.tail()));
    parts
}

/// The answer in place of an object.
pub(super) fn refusal(kind: ErrorKind) -> Response<ObjectBody> {
    let text = Bytes::from_static(kind.as_str().as_bytes());
    let mut head = HeaderMap::new();
    head.insert(header::CONTENT_TYPE, TEXT);
    head.insert(header::CONTENT_LENGTH, text.len().into());
    let body = ObjectBody::new([Part::Bytes(text)]).unwrap_or_default();
    respond(kind.status(), head, body)
}

/// The answer to a method that objects do not have.
pub(super) fn wrong_method() -> Response<ObjectBody> {
    let mut head = HeaderMap::new();
    head.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    empty(StatusCode::METHOD_NOT_ALLOWED, head)
}

fn empty(status: StatusCode, mut head: HeaderMap) -> Response<ObjectBody> {
    if status != StatusCode::NOT_MODIFIED {
        head.insert(header::CONTENT_LENGTH, 0.into());
    }
    respond(status, head, ObjectBody::default())
}

fn respond(status: StatusCode, head: HeaderMap, body: ObjectBody) -> Response<ObjectBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = head;
    response
}

fn insert(head: &mut HeaderMap, name: header::HeaderName, value: String) {
    // Digits and a few signs are a value.
    if let Ok(value) = HeaderValue::try_from(value) {
        head.insert(name, value);
    }
}
