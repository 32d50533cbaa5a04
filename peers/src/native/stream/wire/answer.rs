//! Any answer.

use bytes::{BufMut, Bytes};
use byteview::ByteView;

use super::failure::Failure;
use super::{failure, kind, value};
use crate::stream::{Message, caller};
use crate::{Error, Reply};

#[derive(Debug)]
pub(crate) enum Answer {
    Value(Reply),
    /// The change is made. Has no fields.
    Done,
    Failure(Failure),
    /// The answers to several keys: a `GetManyResponse`, as over HTTP.
    Values(ByteView),
    /// What the node knows of changes: a `Knowledge`, as over HTTP.
    Knowledge(ByteView),
}

impl Message for Answer {
    fn kind(&self) -> u8 {
        match self {
            Self::Value(_) => kind::VALUE,
            Self::Done => kind::DONE,
            Self::Failure(_) => kind::FAILURE,
            Self::Values(_) => kind::VALUES,
            Self::Knowledge(_) => kind::KNOWLEDGE,
        }
    }

    fn fields_len(&self) -> usize {
        match self {
            Self::Value(reply) => value::fields_len(reply),
            Self::Done | Self::Values(_) | Self::Knowledge(_) => 0,
            Self::Failure(failure) => failure.fields_len(),
        }
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        match self {
            Self::Value(reply) => value::write_fields(reply, buffer),
            Self::Done | Self::Values(_) | Self::Knowledge(_) => {}
            Self::Failure(failure) => failure.write_fields(buffer),
        }
    }

    fn body(&self) -> Option<&ByteView> {
        match self {
            Self::Value(reply) => Some(&reply.value),
            Self::Values(body) | Self::Knowledge(body) => Some(body),
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
