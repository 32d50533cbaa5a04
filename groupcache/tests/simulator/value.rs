//! The values of the simulation. A value tells the checker all it has to know: its version, and until when it may be served.

use std::time::Duration;

use groupcache::{ByteView, Value};

/// What a value says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub version: u64,
    /// The last moment at which it may be served; `None` for ever.
    pub until: Option<Duration>,
}

/// A version of a key that is made now, and lives as long as said.
pub fn value(key: usize, version: u64, now: Duration, life: Option<Duration>) -> Value {
    let until = life.map_or(u64::MAX, |life| (now + life).as_micros() as u64);
    let value = Value::from(text(key, version, until));
    match life {
        Some(life) => value.expires_in(life),
        None => value,
    }
}

fn text(key: usize, version: u64, until: u64) -> String {
    let padding = "-".repeat(20 + 17 * key);
    format!("k{key}={version}@{until:020}.{padding}")
}

/// The name of a key.
pub fn name(key: usize) -> String {
    format!("k{key}")
}

/// What the value of a key says.
pub fn held(key: usize, value: &[u8]) -> Held {
    let (of, version, until) = parts(value);
    assert_eq!(of, key, "the value of another key");
    Held {
        version,
        until: (until != u64::MAX).then(|| Duration::from_micros(until)),
    }
}

/// A value that has travelled: it may be served so much longer, because nobody but the network knows how long that took.
pub fn aged(value: &ByteView, by: Duration) -> ByteView {
    if value.is_empty() {
        return value.clone(); // a warm-up has no value
    }
    let (key, version, until) = parts(value);
    // Rounded up.
    let until = until.saturating_add(by.as_micros() as u64 + 1);
    text(key, version, until).into()
}

/// As short as it can be understood.
pub fn short(value: &[u8]) -> String {
    let (key, version, _) = parts(value);
    format!("k{key}={version}")
}

/// The key, the version, and the microsecond until when it may be served.
fn parts(value: &[u8]) -> (usize, u64, u64) {
    let parse = || {
        let (key, rest) = std::str::from_utf8(value).ok()?.split_once('=')?;
        let (version, rest) = rest.split_once('@')?;
        let (until, _) = rest.split_once('.')?;
        let key = key.strip_prefix('k')?.parse().ok()?;
        Some((key, version.parse().ok()?, until.parse().ok()?))
    };
    parse().expect("a value of the simulation")
}
