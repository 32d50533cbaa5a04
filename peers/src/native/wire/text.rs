//! A short text within other messages: a u16, its length, and its UTF-8 bytes.

use bytes::BufMut as _;

use crate::Error;
use crate::stream::fields::Fields;

/// Writes a text; [`Error::is_too_large`] if its length does not fit. `what` names the text then.
pub(super) fn encode(what: &'static str, text: &str, message: &mut Vec<u8>) -> Result<(), Error> {
    let length = u16::try_from(text.len())
        .map_err(|_| Error::too_large(what, text.len() as u64, u16::MAX.into()))?;
    message.put_u16_le(length);
    message.put_slice(text.as_bytes());
    Ok(())
}

/// Reads a text, a slice of the message.
pub(super) fn decode<'a>(fields: &mut Fields<&'a [u8]>) -> Result<&'a str, Error> {
    let length = fields.u16()?.into();
    fields.text(length)
}
