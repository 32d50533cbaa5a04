//! Any answer.

use bytes::{BufMut, Bytes};
use byteview::ByteView;

use super::failure::Failure;
use super::{changes, failure, kind, value};
use crate::stream::{Message, caller};
use crate::{Changes, Error, Reply};

#[derive(Debug)]
pub(crate) enum Answer {
    Value(Reply),
    /// The change is made. Has no fields.
    Done,
    Changes(Changes),
    Failure(Failure),
    /// The answers to several keys: a `GetManyResponse`, as over HTTP.
    Values(ByteView),
}

impl Message for Answer {
    fn kind(&self) -> u8 {
        match self {
            Self::Value(_) => kind::VALUE,
            Self::Done => kind::DONE,
            Self::Changes(_) => kind::CHANGES,
            Self::Failure(_) => kind::FAILURE,
            Self::Values(_) => kind::VALUES,
        }
    }

    fn fields_len(&self) -> usize {
        match self {
            Self::Value(reply) => value::fields_len(reply),
            Self::Done | Self::Values(_) => 0,
            Self::Changes(changes) => changes::fields_len(changes),
            Self::Failure(failure) => failure.fields_len(),
        }
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        match self {
            Self::Value(reply) => value::write_fields(reply, buffer),
            Self::Done | Self::Values(_) => {}
            Self::Changes(changes) => changes::write_fields(changes, buffer),
            Self::Failure(failure) => failure.write_fields(buffer),
        }
    }

    fn body(&self) -> Option<&ByteView> {
        match self {
            Self::Value(reply) => Some(&reply.value),
            Self::Values(values) => Some(values),
            _ => None,
        }
    }
}

/// The message of an answer that is of the expected kind. Another one says an error, or is no answer.
pub(crate) fn expect(kind: u8, answer: caller::Answer, group: &str) -> Result<Bytes, Error> {
    if answer.kind == kind {
        return Ok(answer.message);
    }
    if answer.kind == kind::FAILURE {
        return Err(failure::read(&answer.message, group)?);
    }
    let came = answer.kind;
    Err(Error::malformed(format!(
        "an answer of kind {came}, where {kind} was due"
    )))
}
