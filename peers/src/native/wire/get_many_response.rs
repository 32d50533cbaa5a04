//! The message `GetManyResponse`:
//!
//! | field | type | |
//! |---|---|---|
//! | 3 answers | repeated message | one for each key, in the order of the request |
//! | 4 origin | fixed64 | names the start of the owner |
//! | 5 made | fixed64 | a hash of the changes that the owner has made |
//!
//! and in it the message `Answer`. An empty one says that the key is not answered in this message.
//!
//! | field | type | |
//! |---|---|---|
//! | 1 value | bytes | written for every value, also for an empty one |
//! | 2 minute_qps | double | the owner's rate of the key |
//! | 4 error | string | in place of a value: the error's name, as in the header `x-groupcache-error` |
//! | 5 message | string | the error's text |
//! | 6 life | uint64 | ns from when the request came until the value stops being fresh; absent for never |

use bytes::{Buf, Bytes};
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint,
    encoded_len_varint, skip_field,
};
use prost::{DecodeError, Message};

use super::{STATE_LEN, encode_life, encode_state, life_len, part};
use crate::http::failure;
use crate::protobuf::get_response;
use crate::{Error, Expiry, GetManyReply, NodeState, Reply, WallClock};

/// An answer that is not there: a key and a length of zero.
const NONE_LEN: usize = 2;

/// What an answer with a value takes up beside the value, at most.
const BESIDE_VALUE: usize = 40;

/// The longest text of an error.
const MAX_TEXT_BYTES: usize = 1 << 10;

/// An answer that says an error.
#[derive(Clone, PartialEq, Message)]
struct ErrorAnswer {
    #[prost(string, optional, tag = "4")]
    error: Option<String>,
    #[prost(string, optional, tag = "5")]
    message: Option<String>,
}

/// About how long the message is if nothing is left out.
pub(in crate::native) fn expected_len(reply: &GetManyReply) -> usize {
    let longest = |answer: &Option<Result<Reply, Error>>| match answer {
        Some(Ok(reply)) => BESIDE_VALUE + reply.value.len(),
        Some(Err(error)) => BESIDE_VALUE + error_answer(error).encoded_len(),
        None => NONE_LEN,
    };
    STATE_LEN + reply.answers.iter().map(longest).sum::<usize>()
}

/// How many bytes of values fit into a message of so many about so many keys.
pub(in crate::native) fn room(limit: usize, keys: usize) -> usize {
    limit.saturating_sub(STATE_LEN + BESIDE_VALUE * keys)
}

/// The message, of at most `limit` bytes if the keys alone leave room for that. Answers that do not fit are
/// left out, each as one that is not there.
pub(in crate::native) fn encode(reply: &GetManyReply, limit: usize) -> Bytes {
    let count = reply.answers.len();
    let room = limit.saturating_sub(STATE_LEN + NONE_LEN * count);
    let expected = expected_len(reply);
    let mut message = Vec::with_capacity(expected.min(limit));
    let mut taken = 0;
    for answer in &reply.answers {
        let before = message.len();
        match answer {
            Some(Ok(reply)) => {
                let length = value_len(reply);
                let framed = 1 + encoded_len_varint(length as u64) + length;
                if framed - NONE_LEN <= room - taken {
                    encode_value(reply, length, &mut message);
                } else {
                    encode_none(&mut message);
                }
            }
            Some(Err(error)) => match error_answer(error) {
                answer if answer.encoded_len() + 2 <= room - taken => {
                    encode_key(3, WireType::LengthDelimited, &mut message);
                    encode_varint(answer.encoded_len() as u64, &mut message);
                    answer.encode_raw(&mut message);
                }
                _ => encode_none(&mut message),
            },
            None => encode_none(&mut message),
        }
        taken += message.len() - before - NONE_LEN;
    }
    encode_state(4, reply.state, &mut message);
    message.into()
}

fn encode_none(message: &mut Vec<u8>) {
    encode_key(3, WireType::LengthDelimited, message);
    encode_varint(0, message);
}

/// The length of an answer with a value.
fn value_len(reply: &Reply) -> usize {
    let value = reply.value.len();
    1 + encoded_len_varint(value as u64)
        + value
        + get_response::encoded_len(reply.minute_qps, None)
        + life_len(6, life(reply))
}

fn encode_value(reply: &Reply, length: usize, message: &mut Vec<u8>) {
    encode_key(3, WireType::LengthDelimited, message);
    encode_varint(length as u64, message);
    encode_key(1, WireType::LengthDelimited, message);
    encode_varint(reply.value.len() as u64, message);
    message.extend_from_slice(&reply.value);
    get_response::encode_rest(reply.minute_qps, None, message);
    encode_life(6, life(reply), message);
}

fn life(reply: &Reply) -> Option<u64> {
    let expiry = reply.expiry?;
    Some(expiry.nanos(&WallClock::default()))
}

/// An error without a name becomes a bare text, as a status does in an answer of its own.
fn error_answer(error: &Error) -> ErrorAnswer {
    ErrorAnswer {
        error: Some(failure::name(error).unwrap_or_default().into()),
        message: Some(error.message_for_peer_within(MAX_TEXT_BYTES)),
    }
}

/// The reply in a message about `count` keys of `group`. The values are slices of the message.
///
/// The answers are read one by one, so that a message of many empty ones takes no memory.
pub(in crate::native) fn decode(
    whole: &Bytes,
    count: usize,
    group: &str,
) -> Result<GetManyReply, Error> {
    let mut message = &whole[..];
    let malformed = |what: String| Error::malformed(format!("a GetManyResponse: {what}"));
    let mut answers = Vec::with_capacity(count);
    let (mut origin, mut made) = (None, 0);
    while message.has_remaining() {
        let (field, wire_type) =
            decode_key(&mut message).map_err(|error| malformed(error.to_string()))?;
        match (field, wire_type) {
            (4 | 5, WireType::SixtyFourBit) => {
                let number = message.try_get_u64_le();
                let number = number.map_err(|error| malformed(error.to_string()))?;
                match field {
                    4 => origin = Some(number),
                    _ => made = number,
                }
            }
            (3, WireType::LengthDelimited) => {
                if answers.len() == count {
                    return Err(malformed(format!("more than {count} answers")));
                }
                let answer =
                    part(&mut message).ok_or_else(|| malformed("an answer breaks off".into()))?;
                answers.push(decode_answer(whole, answer, group).map_err(malformed)?);
            }
            _ => {
                let context = DecodeContext::default();
                skip_field(wire_type, field, &mut message, context)
                    .map_err(|error| malformed(error.to_string()))?;
            }
        }
    }
    if answers.len() < count {
        return Err(malformed(format!(
            "{} answers for {count} keys",
            answers.len()
        )));
    }
    let state = origin.map(|origin| NodeState { origin, made });
    Ok(GetManyReply { answers, state })
}

/// An answer, which lies in `whole`. It is read field by field, because there are many of them.
fn decode_answer(
    whole: &Bytes,
    mut answer: &[u8],
    group: &str,
) -> Result<Option<Result<Reply, Error>>, String> {
    if answer.is_empty() {
        return Ok(None);
    }
    let wrong = |error: DecodeError| error.to_string();
    let (mut value, mut error, mut text) = (None, None, "");
    let (mut minute_qps, mut life) = (None, None);
    while answer.has_remaining() {
        let (field, wire_type) = decode_key(&mut answer).map_err(wrong)?;
        match (field, wire_type) {
            (1 | 4 | 5, WireType::LengthDelimited) => {
                let part = part(&mut answer).ok_or("a field breaks off")?;
                let read = || str::from_utf8(part).map_err(|error| error.to_string());
                match field {
                    1 => value = Some(part),
                    4 => error = Some(read()?),
                    _ => text = read()?,
                }
            }
            (2, WireType::SixtyFourBit) => {
                let number = answer.try_get_f64_le();
                minute_qps = Some(number.map_err(|error| error.to_string())?);
            }
            (6, WireType::Varint) => life = Some(decode_varint(&mut answer).map_err(wrong)?),
            _ => {
                let context = DecodeContext::default();
                skip_field(wire_type, field, &mut answer, context).map_err(wrong)?;
            }
        }
    }
    if let Some(name) = error {
        let error = failure::named(name, text, group);
        return Ok(Some(Err(error.unwrap_or_else(|| Error::status(500, text)))));
    }
    let value = value.ok_or("an answer without a value")?;
    Ok(Some(Ok(Reply {
        value: whole.slice_ref(value).into(),
        expiry: life.map(Expiry::from_nanos),
        minute_qps,
        state: None,
    })))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(value: &[u8], minute_qps: Option<f64>, nanos: Option<u64>) -> Reply {
        Reply {
            value: value.to_vec().into(),
            expiry: nanos.map(Expiry::from_nanos),
            minute_qps,
            state: None,
        }
    }

    fn text(answer: &Option<Result<Reply, Error>>) -> String {
        match answer {
            Some(Ok(reply)) => format!("{reply:?}"),
            Some(Err(error)) => format!("{error} {}", error.is_answer()),
            None => "none".to_owned(),
        }
    }

    fn texts(reply: &GetManyReply) -> Vec<String> {
        reply.answers.iter().map(text).collect()
    }

    #[test]
    fn the_bytes_are_these() {
        let sent = GetManyReply {
            answers: vec![
                Some(Ok(reply(b"meow", None, None))),
                Some(Ok(reply(b"", Some(2.0), Some(1)))),
                Some(Err(Error::not_found(""))),
                Some(Err(Error::getter("no"))),
                None,
            ],
            state: Some(NodeState { origin: 7, made: 8 }),
        };
        let mut expected = Vec::new();
        expected.extend_from_slice(b"\x1a\x06\x0a\x04meow");
        expected.extend_from_slice(b"\x1a\x0d\x0a\x00\x11\0\0\0\0\0\0\0\x40\x30\x01");
        expected.extend_from_slice(b"\x1a\x0d\x22\x09not-found\x2a\x00");
        expected.extend_from_slice(b"\x1a\x0c\x22\x06getter\x2a\x02no");
        expected.extend_from_slice(b"\x1a\x00");
        expected.extend_from_slice(b"\x21\x07\0\0\0\0\0\0\0\x29\x08\0\0\0\0\0\0\0");
        assert_eq!(encode(&sent, 1000), expected);
    }

    proptest! {
        #[test]
        fn a_reply_reads_back(
            values: Vec<Option<(Vec<u8>, Option<u32>, Option<u64>)>>,
            state: Option<(u64, u64)>,
        ) {
            let answers = values.iter().map(|value| {
                value.as_ref().map(|(bytes, qps, nanos)| Ok(reply(bytes, qps.map(f64::from), *nanos)))
            });
            let sent = GetManyReply {
                answers: answers.collect(),
                state: state.map(|(origin, made)| NodeState { origin, made }),
            };
            let read = decode(&encode(&sent, 1 << 20), values.len(), "g").unwrap();
            prop_assert_eq!(read.state, sent.state);
            prop_assert_eq!(texts(&read), texts(&sent));
        }

        #[test]
        fn a_reply_stays_within_its_limit_and_what_it_leaves_out_is_marked(
            lengths in prop::collection::vec(0_usize..400, 0..20),
            limit in 0_usize..4000,
        ) {
            let answers = lengths.iter().map(|&length| Some(Ok(reply(&vec![7; length], None, None))));
            let state = Some(NodeState::default());
            let sent = GetManyReply { answers: answers.collect(), state };
            let message = encode(&sent, limit);
            prop_assert!(message.len() <= limit.max(STATE_LEN + NONE_LEN * lengths.len()));
            let read = decode(&message, lengths.len(), "g").unwrap();
            for (read, sent) in texts(&read).into_iter().zip(texts(&sent)) {
                prop_assert!(read == sent || read == "none");
            }
        }

        #[test]
        fn no_bytes_panic_or_grow(bytes: Vec<u8>, count in 0_usize..5) {
            let length = bytes.len();
            if let Ok(reply) = decode(&bytes.into(), count, "g") {
                prop_assert_eq!(reply.answers.len(), count);
                let values = reply.answers.iter().flatten().flatten();
                prop_assert!(values.map(|reply| reply.value.len()).sum::<usize>() <= length);
            }
        }
    }

    #[test]
    fn the_callers_errors_are_those_of_the_peer_and_long_texts_are_cut() {
        let errors = || {
            vec![
                Error::not_found("no such cat"),
                Error::getter("the database is away"),
                Error::overloaded("loads"),
                Error::too_large("a value", 11, 10),
                Error::peer_timed_out("the getter took longer than 30s"),
            ]
        };
        let answers = errors().into_iter().map(|error| Some(Err(error))).collect();
        let sent = GetManyReply {
            answers,
            state: None,
        };
        let read = decode(&encode(&sent, 10_000), 5, "g").unwrap();
        assert_eq!(texts(&read), texts(&sent));

        let long = GetManyReply {
            answers: vec![Some(Err(Error::getter("é".repeat(MAX_TEXT_BYTES))))],
            state: None,
        };
        assert!(encode(&long, 1 << 20).len() < MAX_TEXT_BYTES + 32);
    }

    #[test]
    fn as_many_answers_as_keys_are_read_and_no_others() {
        let message = || Bytes::from_static(b"\x1a\x00\x1a\x00");
        assert_eq!(decode(&message(), 2, "g").unwrap().answers.len(), 2);
        for (message, count, text) in [
            (message(), 1, "more than 1 answers"),
            (message(), 3, "2 answers for 3 keys"),
            (Bytes::from_static(b"\x1a\x05ab"), 1, "an answer breaks off"),
            (
                Bytes::from_static(b"\x1a\x02\x18\x01"),
                1,
                "an answer without a value",
            ),
            (Bytes::from_static(b"\x09abc"), 0, "a GetManyResponse"),
        ] {
            let error = decode(&message, count, "g").unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
            assert!(error.is_transport());
        }
    }
}
