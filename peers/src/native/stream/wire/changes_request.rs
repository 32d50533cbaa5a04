//! The message that pulls a change log:
//!
//! | field | type | |
//! |---|---|---|
//! | log | u64 | the peer's log that this node has read; 0 for none |
//! | changes | u64 | how far |
//! | group | bytes | UTF-8 text, the rest |

use bytes::BufMut;

use super::kind;
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{ChangesRequest, Error, LogPosition};

/// A pull, to be written.
pub(crate) struct Pull<'a>(pub(crate) ChangesRequest<'a>);

const POSITION: usize = 16;

impl Message for Pull<'_> {
    fn kind(&self) -> u8 {
        kind::CHANGES_REQUEST
    }

    fn fields_len(&self) -> usize {
        POSITION + self.0.group.len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        let ChangesRequest { group, since } = self.0;
        buffer.put_u64_le(since.log);
        buffer.put_u64_le(since.count);
        buffer.put_slice(group.as_bytes());
    }
}

pub(crate) fn read(message: &[u8]) -> Result<ChangesRequest<'_>, Error> {
    let mut fields = Fields::of("a request for changes", message);
    let (log, count) = (fields.u64()?, fields.u64()?);
    let group = fields.text(message.len() - POSITION)?;
    let since = LogPosition { log, count };
    Ok(ChangesRequest { group, since })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let since = LogPosition { log: 1, count: 2 };
        let pull = Pull(ChangesRequest { group: "g", since });
        assert_eq!(bytes_of(&pull), b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0g");
    }

    proptest! {
        #[test]
        fn a_pull_reads_back(group: String, log: u64, count: u64) {
            let since = LogPosition { log, count };
            let bytes = bytes_of(&Pull(ChangesRequest { group: &group, since }));
            let came = read(&bytes).unwrap();
            prop_assert_eq!((came.group, came.since), (&*group, since));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(&bytes);
        }
    }
}
