//! The answer that there is none:
//!
//! | field | type | |
//! |---|---|---|
//! | name | u8 | see below |
//! | status | u16 | the HTTP status that says as much |
//! | text | bytes | UTF-8, the rest |
//!
//! The names: 1 not found, 2 the getter failed, 3 overloaded, 4 no such group, 5 too large, 6 timed out,
//! 7 unsupported; 0 for any other error, of which the status tells what there is to tell.

use bytes::BufMut;

use crate::Error;
use crate::http::failure;
use crate::stream::fields::Fields;

/// The longest text that is told and read.
const MAX_TEXT: usize = 8 << 10;

/// The names of errors over HTTP, whose places in this list are their names here.
const NAMES: [&str; 7] = [
    failure::NOT_FOUND,
    failure::GETTER,
    failure::OVERLOADED,
    failure::NO_SUCH_GROUP,
    failure::TOO_LARGE,
    failure::TIMED_OUT,
    failure::UNSUPPORTED,
];

/// An error, as it is told.
#[derive(Debug)]
pub(crate) struct Failure {
    name: u8,
    status: u16,
    text: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let name = failure::name(error)
            .and_then(|name| NAMES.iter().position(|known| *known == name))
            .map_or(0, |at| at as u8 + 1);
        Self {
            name,
            status: failure::status(error).as_u16(),
            text: error.message_for_peer_within(MAX_TEXT),
        }
    }
}

impl Failure {
    pub(super) fn fields_len(&self) -> usize {
        3 + self.text.len()
    }

    pub(super) fn write_fields(&self, buffer: &mut impl BufMut) {
        buffer.put_u8(self.name);
        buffer.put_u16_le(self.status);
        buffer.put_slice(self.text.as_bytes());
    }
}

/// Reads the error that a peer told about a request to `group`.
pub(crate) fn read(message: &[u8], group: &str) -> Result<Error, Error> {
    let mut fields = Fields::of("an error", message);
    let (name, status) = (fields.u8()?, fields.u16()?);
    let text = fields.rest();
    let text = String::from_utf8_lossy(&text[..text.len().min(MAX_TEXT)]);
    if name == 0 {
        return Ok(Error::status(status, text));
    }
    NAMES
        .get(usize::from(name) - 1)
        .and_then(|name| failure::named(name, &text, group))
        .ok_or_else(|| Error::malformed(format!("an error with the unknown name {name}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::answer::Answer;
    use super::super::bytes_of;
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let told = Answer::Failure((&Error::getter("no")).into());
        assert_eq!(bytes_of(&told), b"\x02\xf4\x01no");
        let told = Answer::Failure((&Error::status(401, "who?")).into());
        assert_eq!(bytes_of(&told), b"\0\x91\x01who?");
    }

    #[test]
    fn the_caller_gets_the_error_that_the_peer_had() {
        for sent in [
            Error::not_found(""),
            Error::not_found("no row 7"),
            Error::getter("the database is down\nsince noon"),
            Error::overloaded("too many loads"),
            Error::too_large("a value", 11, 10),
            Error::no_such_group("thumbnails"),
            Error::peer_timed_out("the getter took longer than 30s"),
            Error::unsupported("peek", "golang"),
            Error::status(401, "who is asking?"),
        ] {
            let told = bytes_of(&Answer::Failure((&sent).into()));
            let received = read(&told, "thumbnails").unwrap();
            assert_eq!(received.to_string(), sent.to_string());
            assert_eq!(received.is_answer(), sent.is_answer());
        }
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let told = Failure::from(&Error::getter("ü".repeat(MAX_TEXT)));
        assert_eq!(told.text.len(), MAX_TEXT);
        let told = Failure::from(&Error::getter(format!("x{}", "ü".repeat(MAX_TEXT))));
        assert_eq!(told.text.len(), MAX_TEXT - 1);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(&bytes, "g");
        }
    }
}
