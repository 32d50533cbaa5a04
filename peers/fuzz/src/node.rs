use std::time::{Duration, SystemTime};

use peers::{
    BoxFuture, Error, Expiry, GetManyRequest, GetRequest, Knowledge, OfferRequest, PeerService,
    RemoveRequest, Reply, SetRequest, Stamp,
};

use super::{MAX_KEY_BYTES, MAX_VALUE_BYTES};

/// A node that checks what it is asked, and answers as the key's first byte says.
pub struct Node;

impl PeerService for Node {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        let key = request.key;
        assert!(key.len() <= MAX_KEY_BYTES);
        Box::pin(async move {
            Ok(match key.split_first() {
                Some((b'n', rest)) => return Err(Error::not_found(String::from_utf8_lossy(rest))),
                Some((b'e', rest)) => return Err(Error::getter(String::from_utf8_lossy(rest))),
                Some((b'g', _)) => return Err(Error::no_such_group(request.group)),
                Some((b'o', _)) => return Err(Error::overloaded("loads")),
                Some((b'l', _)) => value(&[0; MAX_VALUE_BYTES + 1]),
                Some((b'x', rest)) => Reply {
                    expiry: Some(Expiry::At(moment(rest))),
                    minute_qps: Some(f64::from_bits(number(rest))),
                    ..value(rest)
                },
                _ => value(key),
            })
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        assert!(request.key.len() <= MAX_KEY_BYTES && request.value.len() <= MAX_VALUE_BYTES);
        Box::pin(async { Ok(()) })
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            match request.keys {
                [] => Err(Error::not_found("nothing")),
                _ => Ok(()),
            }
        })
    }

    fn clear<'a>(&'a self, group: &'a str, _: Option<Stamp>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { Err(Error::no_such_group(group)) })
    }

    /// Returns what it is told.
    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        Box::pin(async move { Ok(knowledge) })
    }

    fn note_behind<'a>(&'a self, members: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        assert!(members.len() <= 1024);
        Box::pin(async { Ok(()) })
    }

    fn offer<'a>(&'a self, request: OfferRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        assert!(request.keys.len() <= GetManyRequest::MAX_KEYS);
        Box::pin(async { Ok(()) })
    }
}

fn value(bytes: &[u8]) -> Reply {
    Reply {
        value: bytes.to_vec().into(),
        ..Reply::default()
    }
}

/// Any moment near or far, before 1970 or after.
fn moment(bytes: &[u8]) -> SystemTime {
    let nanos = number(bytes) as i64;
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let moment = match nanos {
        0.. => epoch.checked_add(distance * 100), // beyond what nanoseconds can tell
        _ => epoch.checked_sub(distance),
    };
    moment.unwrap_or(epoch)
}

fn number(bytes: &[u8]) -> u64 {
    let digits = bytes.iter().take(8);
    digits.fold(0, |number, byte| number << 8 | u64::from(*byte))
}
