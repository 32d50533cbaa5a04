//! The message of a set:
//!
//! | field | type | |
//! |---|---|---|
//! | stamp | 1 or 33 bytes | see `stamp` |
//! | known | | see `known` |
//! | life | u8, u64 | 1 and ns until the value stops being fresh, or the largest number for never; 0 and 0 where the owner's group decides |
//! | group | u16, bytes | length and UTF-8 text |
//! | key | u32, bytes | |
//! | value | bytes | the rest |

use bytes::{BufMut, Bytes};
use byteview::ByteView;
use tokio::time::Instant;

use super::{kind, known, name_bytes, name_len, stamp};
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{Error, Expiry, KnownChange, SetRequest, WallClock};

/// A set, to be written.
pub(crate) struct Set<'a> {
    request: SetRequest<'a>,
    /// When the request was made. What has passed until it is written is taken off the value's life.
    since: Instant,
}

impl<'a> Set<'a> {
    pub(crate) fn new(request: SetRequest<'a>, clock: &WallClock) -> Self {
        let life = request.expiry.map(|expiry| expiry.life(clock));
        let expiry = life.map(Expiry::In);
        Self {
            request: SetRequest { expiry, ..request },
            since: Instant::now(),
        }
    }

    /// The nanoseconds that are left of the value's life.
    fn life(&self) -> Option<u64> {
        let expiry = self.request.expiry?.after(self.since.elapsed());
        Some(expiry.nanos(&WallClock::default()))
    }
}

/// A set, as it was read. Key and value are slices of the message.
#[derive(Debug)]
pub(crate) struct Received {
    group: Bytes,
    key: Bytes,
    known: Vec<KnownChange>,
    rest: SetRequest<'static>,
}

impl Message for Set<'_> {
    fn kind(&self) -> u8 {
        kind::SET
    }

    fn fields_len(&self) -> usize {
        stamp::length(self.request.stamp)
            + known::length(self.request.known)
            + 9
            + 2
            + name_bytes(self.request.group).len()
            + 4
            + self.request.key.len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        let SetRequest { group, key, .. } = self.request;
        stamp::write(self.request.stamp, buffer);
        known::write(self.request.known, buffer);
        let life = self.life();
        buffer.put_u8(life.is_some().into());
        buffer.put_u64_le(life.unwrap_or_default());
        buffer.put_u16_le(name_len(group));
        buffer.put_slice(name_bytes(group));
        buffer.put_u32_le(key.len() as u32);
        buffer.put_slice(key);
    }

    fn body(&self) -> Option<&ByteView> {
        Some(&self.request.value)
    }
}

pub(crate) fn read(message: Bytes) -> Result<Received, Error> {
    let mut fields = Fields::of("a set", message);
    let stamp = stamp::read(&mut fields)?;
    let known = known::read(&mut fields)?;
    let (expires, nanos) = (fields.u8()?, fields.u64()?);
    let expiry = match expires {
        0 => None,
        1 => Some(Expiry::from_nanos(nanos)),
        _ => return Err(fields.wrong("expires in an unknown way")),
    };
    let length = fields.u16()?.into();
    let group = fields.bytes(length)?;
    if str::from_utf8(&group).is_err() {
        return Err(fields.wrong("has text that is not UTF-8"));
    }
    let length = fields.u32()? as usize;
    let key = fields.bytes(length)?;
    let value = ByteView::from(fields.rest());
    let rest = SetRequest {
        group: "",
        key: b"",
        value,
        expiry,
        stamp,
        known: &[],
    };
    Ok(Received {
        group,
        key,
        known,
        rest,
    })
}

impl Received {
    pub(crate) fn as_request(&self) -> SetRequest<'_> {
        SetRequest {
            group: str::from_utf8(&self.group).unwrap_or_default(),
            key: &self.key,
            known: &self.known,
            ..self.rest.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::known::tests::{BYTES as KNOWN_BYTES, KNOWN, any_known};
    use super::stamp::tests::{BYTES as STAMP_BYTES, STAMP, any_stamp};
    use super::*;

    /// A set that is written at once: no time passes before it is.
    fn set(request: SetRequest<'_>) -> Set<'_> {
        Set {
            since: Instant::now() + Duration::from_secs(3600),
            ..Set::new(request, &WallClock::default())
        }
    }

    fn expiring(expiry: Expiry) -> SetRequest<'static> {
        SetRequest {
            group: "g",
            key: b"key",
            value: "value".into(),
            expiry: Some(expiry),
            stamp: None,
            known: &[],
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_until_a_set_is_written_is_taken_off() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(5060);
        let clock = WallClock::of(|| SystemTime::UNIX_EPOCH + Duration::from_secs(5000));
        let minute = Expiry::In(Duration::from_secs(60));
        for (expiry, left) in [
            (minute, Expiry::In(Duration::from_secs(45))),
            (Expiry::At(moment), Expiry::In(Duration::from_secs(45))),
            (
                Expiry::In(Duration::from_secs(15)),
                Expiry::In(Duration::ZERO),
            ),
            (Expiry::In(Duration::MAX), Expiry::In(Duration::MAX)),
        ] {
            let set = Set::new(expiring(expiry), &clock);
            tokio::time::advance(Duration::from_secs(15)).await;
            let received = read(bytes_of(&set).into()).unwrap();
            assert_eq!(received.as_request().expiry, Some(left), "{expiry:?}");
        }
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let request = SetRequest {
            group: "g",
            key: b"key",
            value: "value".into(),
            expiry: Some(Expiry::from_nanos(0x0102)),
            stamp: Some(STAMP),
            known: &KNOWN,
        };
        let rest = b"\x01\x02\x01\0\0\0\0\0\0\x01\0g\x03\0\0\0keyvalue";
        let golden = [STAMP_BYTES, KNOWN_BYTES, rest].concat();
        assert_eq!(bytes_of(&set(request.clone())), golden);
        let request = SetRequest {
            stamp: None,
            known: &[],
            ..request
        };
        assert_eq!(bytes_of(&set(request)), [b"\0\0\0", &rest[..]].concat());
    }

    proptest! {
        #[test]
        fn a_set_reads_back(
            group: String,
            key: Vec<u8>,
            value: Vec<u8>,
            nanos: Option<u64>,
            stamp in any_stamp(),
            known in any_known(),
        ) {
            let sent = SetRequest {
                group: &group,
                key: &key,
                value: value.into(),
                expiry: nanos.map(Expiry::from_nanos),
                stamp,
                known: &known,
            };
            let received = read(bytes_of(&set(sent.clone())).into()).unwrap();
            let came = received.as_request();
            prop_assert_eq!((came.group, came.key), (sent.group, sent.key));
            prop_assert_eq!((came.value, came.expiry), (sent.value, sent.expiry));
            prop_assert_eq!((came.stamp, came.known), (sent.stamp, sent.known));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(bytes.into());
        }
    }
}
