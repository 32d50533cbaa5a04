//! The keys of the remote part, and the values that belong to them.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use anyhow::{Context as _, Result};
use bytes::Bytes;

use super::caller::Caller;

/// The length of each key, in bytes.
pub(super) const KEY: usize = 26;

/// How many values of a size are asked for, unless there are more callers: as many as these bytes hold, but no more than
/// [`MOST`]. The Go program has the same numbers.
const BYTES: usize = 16 << 20;
const MOST: usize = 1024;

/// The nth key whose value has this size. The Go program makes the same keys.
fn key(size: usize, n: usize) -> String {
    format!("object-{size:010}-{n:08}")
}

/// The length of a key's value.
pub(super) fn value_len(key: &[u8]) -> Result<usize> {
    let size = key.get(7..17).context("a short key")?;
    Ok(str::from_utf8(size)?.parse()?)
}

/// The value of a key.
pub(super) fn value(key: &[u8]) -> Result<Vec<u8>> {
    Ok(vec![7; value_len(key)?])
}

/// The values of a server that is no cache, each made when it is first asked for.
#[derive(Default)]
pub(super) struct Shelf(RwLock<HashMap<Bytes, Bytes>>);

impl Shelf {
    pub(super) fn get(&self, key: &[u8]) -> Result<Bytes> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = held.get(key) {
            return Ok(value.clone());
        }
        drop(held);
        let value = Bytes::from(value(key)?);
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.insert(Bytes::copy_from_slice(key), value.clone());
        Ok(value)
    }
}

/// The keys of one size whose values the server has in memory.
#[derive(Default)]
pub(super) struct Held {
    keys: Vec<String>,
    /// The number of the next key to try.
    next: usize,
}

impl Held {
    /// At least `least` keys. Finds keys with the help of a caller. A key of which the asker itself is the owner gets an
    /// error from the asker's own getter, and is passed over.
    pub(super) async fn at_least(
        &mut self,
        least: usize,
        size: usize,
        caller: &mut impl Caller,
    ) -> Result<&[String]> {
        let wanted = (BYTES / size).clamp(1, MOST).max(least);
        let tries = 1000 + 10 * wanted;
        while self.keys.len() < wanted {
            let key = key(size, self.next);
            self.next += 1;
            caller.put(&key, vec![7; size]).await?;
            match caller.get(&key).await {
                Ok(_) => self.keys.push(key),
                Err(error) if self.next > tries => {
                    return Err(error.context("the server holds too few of the keys"));
                }
                Err(_) => {}
            }
        }
        Ok(&self.keys)
    }
}
