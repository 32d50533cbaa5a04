//! A node like that of the recorded programs. It has one group, `g`, whose getter acts by the key,
//! and a cache that keeps everything.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use peers::{
    BoxFuture, Changes, ChangesRequest, Error, GetMode, GetRequest, LogPosition, LoggedChange,
    PeerService, Phase, RemoveRequest, Reply, SetRequest,
};

use super::value;

pub(crate) struct Node {
    /// The node's own URL, with which all its values begin.
    url: String,
    cache: Mutex<HashMap<Vec<u8>, Reply>>,
    asked: Mutex<Vec<Asked>>,
    phases: Mutex<Vec<Phase>>,
}

/// An operation that a node was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    Get(GetMode, Vec<u8>),
    Load(Vec<u8>),
    Set(Vec<u8>, Vec<u8>, Option<SystemTime>),
    Remove(Vec<Vec<u8>>),
    Clear,
    Changes(LogPosition),
}

/// The changes that the node returns to every peer that reads its log.
pub(crate) fn changes() -> Changes {
    Changes {
        position: LogPosition {
            log: u64::MAX,
            count: 300,
        },
        entries: [
            (0, Some(b"one".as_slice())),
            (7, Some(b"")),
            (u64::MAX, Some(b"\xff")),
            (1, None),
        ]
        .map(|(id, key)| LoggedChange {
            id,
            key: key.map(|key| key.to_vec().into()),
        })
        .into(),
        all: true,
    }
}

impl Node {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            cache: Mutex::default(),
            asked: Mutex::default(),
            phases: Mutex::default(),
        }
    }

    /// The phases of the changes that reached the node since the last call of this method.
    pub(crate) fn phases(&self) -> Vec<Phase> {
        std::mem::take(&mut *self.phases.lock().unwrap())
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
                expires_at: Some(
                    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos.parse().unwrap()),
                ),
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
            self.phases.lock().unwrap().push(request.phase);
            let (key, expires_at) = (request.key.to_vec(), request.expires_at);
            self.note(Asked::Set(key.clone(), request.value.to_vec(), expires_at));
            let reply = Reply {
                value: request.value,
                expires_at,
                ..Reply::default()
            };
            let mut cache = self.cache.lock().unwrap();
            match expires_at.is_some_and(|moment| moment < SystemTime::now()) {
                true => cache.remove(&key),
                false => cache.insert(key, reply),
            };
            Ok(())
        })
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            Self::check(request.group)?;
            self.phases.lock().unwrap().push(request.phase);
            let keys = request.keys.iter().map(|key| key.to_vec());
            self.note(Asked::Remove(keys.collect()));
            for &key in request.keys {
                self.cache.lock().unwrap().remove(key);
            }
            Ok(())
        })
    }

    fn clear<'a>(&'a self, group: &'a str, phase: Phase) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            Self::check(group)?;
            self.phases.lock().unwrap().push(phase);
            self.note(Asked::Clear);
            self.cache.lock().unwrap().clear();
            Ok(())
        })
    }

    fn changes<'a>(&'a self, request: ChangesRequest<'a>) -> BoxFuture<'a, Result<Changes, Error>> {
        Box::pin(async move {
            Self::check(request.group)?;
            self.note(Asked::Changes(request.since));
            Ok(changes())
        })
    }
}
