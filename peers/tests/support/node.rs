//! A node like that of the recorded programs. It has one group, `g`, whose getter acts by the key,
//! and a cache that keeps everything.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use peers::{
    BoxFuture, ChangeId, Error, Expiry, GetMode, GetRequest, Knowledge, KnownChange, NamedChange,
    OfferRequest, PeerService, RemoveRequest, Reply, SetRequest, Stamp, UnnamedChanges, WallClock,
};

use super::value;

pub(crate) struct Node {
    /// The node's own URL, with which all its values begin.
    url: String,
    cache: Mutex<HashMap<Vec<u8>, Reply>>,
    asked: Mutex<Vec<Asked>>,
    stamps: Mutex<Vec<Option<Stamp>>>,
    known: Mutex<Vec<Vec<KnownChange>>>,
}

/// An operation that a node was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    Get(GetMode, Vec<u8>),
    Load(Vec<u8>),
    Set(Vec<u8>, Vec<u8>, Option<Expiry>),
    Remove(Vec<Vec<u8>>),
    Clear,
    Sync(Knowledge),
    Behind(Vec<String>),
    /// By this member.
    Offer(String, Vec<Vec<u8>>),
}

/// What somebody knows of changes. The node knows that of `the node`.
pub(crate) fn knowledge_of(who: &str) -> Knowledge {
    let id = |number| ChangeId {
        origin: u64::MAX,
        number,
    };
    let change = |number, key: Option<&'static [u8]>| NamedChange {
        id: id(number),
        group: who.into(),
        key: key.map(Into::into),
    };
    Knowledge {
        member: "pod-1".into(),
        origin: 5,
        made: vec![(1, vec![0..=0, 2..=300]), (u64::MAX, vec![7..=u64::MAX])],
        begun: 6,
        is_leaving: true,
        complete_for: 7,
        changes: vec![
            change(7, Some(b"\xff")),
            change(8, Some(b"")),
            change(9, None),
        ],
        unnamed: vec![UnnamedChanges {
            group: "größe + mehr%".into(),
            up_to: vec![id(6)],
        }],
    }
}

impl Node {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            cache: Mutex::default(),
            asked: Mutex::default(),
            stamps: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// The stamps of the changes that reached the node since the last call of this method.
    pub(crate) fn stamps(&self) -> Vec<Option<Stamp>> {
        std::mem::take(&mut *self.stamps.lock().unwrap())
    }

    /// The known changes of the gets and sets that reached the node since the last call of this method.
    pub(crate) fn known(&self) -> Vec<Vec<KnownChange>> {
        std::mem::take(&mut *self.known.lock().unwrap())
    }

    /// The operations that the node was asked for since the last call of this method.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn note(&self, asked: Asked) {
        self.asked.lock().unwrap().push(asked);
    }

    fn check(group: &str) -> Result<(), Error> {
        match group {
            "g" | "größe + mehr%" => Ok(()),
            _ => Err(Error::no_such_group(group)),
        }
    }

    fn load(&self, key: &[u8]) -> Result<Reply, Error> {
        let (url, text) = (&self.url, String::from_utf8_lossy(key));
        let plain = || value(&[url.as_bytes(), b"|", key].concat());
        let mut parts = text.split(':');
        match (parts.next().unwrap(), parts.next()) {
            ("err", _) => Err(Error::getter(format!("getter error on {url} for {text:?}"))),
            ("nf", _) => Err(Error::not_found(format!("not found on {url}: {text:?}"))),
            ("panic", Some(_)) => panic!("getter panic for {text}"),
            ("empty", _) => Ok(value(b"")),
            ("size", Some(size)) => {
                let mut bytes = format!("{url}|{text}|").into_bytes();
                bytes.resize(size.parse().unwrap(), b'.');
                Ok(value(&bytes))
            }
            ("abs", Some(nanos)) => Ok(Reply {
                expiry: Some(Expiry::At(
                    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos.parse().unwrap()),
                )),
                ..plain()
            }),
            _ => Ok(plain()),
        }
    }
}

impl PeerService for Node {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            Self::check(request.group)?;
            self.note(Asked::Get(request.mode, request.key.into()));
            self.known.lock().unwrap().push(request.known.into());
            if let Some(reply) = self.cache.lock().unwrap().get(request.key) {
                return Ok(reply.clone());
            }
            if request.mode == GetMode::Peek {
                let key = String::from_utf8_lossy(request.key);
                return Err(Error::not_found(format!(
                    "key {key:?} not found in galaxy \"g\""
                )));
            }
            self.note(Asked::Load(request.key.into()));
            if request.key.starts_with(b"slow:") {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            let reply = self.load(request.key)?;
            let key = request.key.to_vec();
            self.cache.lock().unwrap().insert(key, reply.clone());
            Ok(reply)
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            Self::check(request.group)?;
            self.stamps.lock().unwrap().push(request.stamp);
            self.known.lock().unwrap().push(request.known.into());
            let (key, expiry) = (request.key.to_vec(), request.expiry);
            self.note(Asked::Set(key.clone(), request.value.to_vec(), expiry));
            let reply = Reply {
                value: request.value,
                expiry,
                ..Reply::default()
            };
            let mut cache = self.cache.lock().unwrap();
            match expiry.is_some_and(|expiry| expiry.life(&WallClock::default()).is_zero()) {
                true => cache.remove(&key),
                false => cache.insert(key, reply),
            };
            Ok(())
        })
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            Self::check(request.group)?;
            self.stamps.lock().unwrap().push(request.stamp);
            let keys = request.keys.iter().map(|key| key.to_vec());
            self.note(Asked::Remove(keys.collect()));
            for &key in request.keys {
                self.cache.lock().unwrap().remove(key);
            }
            Ok(())
        })
    }

    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            Self::check(group)?;
            self.stamps.lock().unwrap().push(stamp);
            self.note(Asked::Clear);
            self.cache.lock().unwrap().clear();
            Ok(())
        })
    }

    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        Box::pin(async move {
            self.note(Asked::Sync(knowledge));
            Ok(knowledge_of("the node"))
        })
    }

    fn note_behind<'a>(&'a self, members: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let members = members.iter().map(|&id| id.to_owned()).collect();
            self.note(Asked::Behind(members));
            Ok(())
        })
    }

    fn offer<'a>(&'a self, request: OfferRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            Self::check(request.group)?;
            let keys = request.keys.iter().map(|key| key.to_vec()).collect();
            self.note(Asked::Offer(request.member.into(), keys));
            Ok(())
        })
    }
}
