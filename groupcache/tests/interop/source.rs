//! The data behind the getters of our nodes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groupcache::{Getter, GetterError, Key, NotFound, Value};

/// How often each key was loaded.
pub type Loads = BTreeMap<Vec<u8>, u64>;

/// How often one key was loaded.
pub fn loads_of(loads: &Loads, key: impl AsRef<[u8]>) -> u64 {
    loads.get(key.as_ref()).copied().unwrap_or(0)
}

/// Makes the same values as the Go programs, whose README has the table. Remembers the keys that it
/// was asked for.
#[derive(Clone, Debug, Default)]
pub struct Source(Arc<Mutex<Loads>>);

impl Source {
    pub fn loads(&self) -> Loads {
        self.0.lock().unwrap().clone()
    }

    pub fn getter(&self) -> impl Getter + use<> {
        let Self(loads) = self.clone();
        move |key: Key| {
            *loads.lock().unwrap().entry(key.to_vec()).or_default() += 1;
            load(key)
        }
    }
}

/// The error message of a getter for a key `err:*`, in the Go programs and in ours.
pub const FAILURE: &str = "the getter failed as asked";

async fn load(key: Key) -> Result<Value, GetterError> {
    if key.starts_with(b"missing:") {
        return Err(NotFound.into());
    }
    if key.starts_with(b"err:") {
        return Err(FAILURE.into());
    }
    if let Some(ms) = number(&key, "slow:") {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let value = Value::from(value_of(&key));
    Ok(match number(&key, "ttl:") {
        Some(ms) => value.expires_in(Duration::from_millis(ms)),
        None => value,
    })
}

/// The value of a key, whichever node loads it.
pub fn value_of(key: &[u8]) -> Vec<u8> {
    if key.starts_with(b"empty:") {
        return Vec::new();
    }
    match number(key, "size:") {
        Some(size) => vec![b'x'; size as usize],
        None => [b"value-of-", key].concat(),
    }
}

/// The number after `prefix`.
fn number(key: &[u8], prefix: &str) -> Option<u64> {
    str::from_utf8(key)
        .ok()?
        .strip_prefix(prefix)?
        .split(':')
        .next()?
        .parse()
        .ok()
}
