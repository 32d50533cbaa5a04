//! The message `ChangesRequest`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 log | fixed64 | the peer's log that this node has read; 0 for none |
//! | 2 changes | uint64 | how far |

use prost::Message;

use crate::{Error, LogPosition};

#[derive(Clone, Copy, PartialEq, Message)]
struct ChangesRequest {
    #[prost(fixed64, tag = "1")]
    log: u64,
    #[prost(uint64, tag = "2")]
    changes: u64,
}

pub(in crate::native) fn encode(position: LogPosition) -> Vec<u8> {
    let LogPosition { log, count } = position;
    ChangesRequest {
        log,
        changes: count,
    }
    .encode_to_vec()
}

pub(in crate::native) fn decode(message: &[u8]) -> Result<LogPosition, Error> {
    let ChangesRequest { log, changes } = ChangesRequest::decode(message)
        .map_err(|error| Error::status(400, format!("bad request: a ChangesRequest: {error}")))?;
    Ok(LogPosition {
        log,
        count: changes,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_reads_back(log: u64, count: u64) {
            let position = LogPosition { log, count };
            prop_assert_eq!(decode(&encode(position)).unwrap(), position);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = decode(&bytes);
        }
    }
}
