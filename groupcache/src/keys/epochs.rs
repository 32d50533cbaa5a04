use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::xxh3_64;

/// Divides time into epochs of one length, which begin for each key at another moment.
///
/// A key with the [number of the epoch](super::KeyBuilder::epoch) in it is asked for until the epoch
/// is over, and then another one is. Were the epochs of all keys to begin at the same moment, then
/// at that moment everything would be loaded anew; so each key is ahead of the common time by a part
/// of the period that depends on nothing but the key. The scheme is that of galaxycache's `cachekey`
/// package, in other bytes.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use groupcache::Key;
/// use groupcache::keys::Epochs;
///
/// const HOURLY: Epochs = Epochs::every(Duration::from_secs(3600)).unwrap();
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let key = Key::builder().text("charts").text("pop").epoch(HOURLY, now).build();
/// assert_eq!(key, Key::from("/charts/pop~472222"));
///
/// let mut segments = key.segments();
/// assert_eq!((segments.text()?, segments.text()?), ("charts".into(), "pop".into()));
/// let _ = segments.epoch()?;
/// # Ok::<(), groupcache::keys::KeyError>(())
/// ```
///
/// The value of an epoch that is over stays in memory until it gives way to others. A group whose
/// [`ttl`](crate::GroupBuilder::ttl) is one period lets go of it in time.
///
/// Nodes whose clocks differ disagree about the epoch for as long as their clocks do, once a
/// period; each gets the value of its own epoch. All nodes must divide time alike: a program with
/// another period asks for other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epochs {
    period_nanos: NonZeroU64,
}

impl Epochs {
    /// Epochs of this length; `None` for zero, and for more than 584 years, which are 2⁶⁴ ns.
    pub const fn every(period: Duration) -> Option<Self> {
        let nanos = period.as_nanos();
        if nanos > u64::MAX as u128 {
            return None;
        }
        match NonZeroU64::new(nanos as u64) {
            Some(period_nanos) => Some(Self { period_nanos }),
            None => None,
        }
    }

    /// How long an epoch lasts.
    pub const fn period(self) -> Duration {
        Duration::from_nanos(self.period_nanos.get())
    }

    /// The number of the epoch that it is at `now` for a key that begins with `prefix`: one more
    /// each period. Times before 1970 count as 1970.
    pub fn number(self, prefix: &[u8], now: SystemTime) -> u64 {
        let number = self.elapsed(prefix, now) / u128::from(self.period_nanos.get());
        // Beyond only in some hundred years, and with a period of nanoseconds.
        u64::try_from(number).unwrap_or(u64::MAX)
    }

    /// For how long it still is that epoch: more than zero, and at most the period.
    ///
    /// What [`Value::expires_in`](crate::Value::expires_in) may be told, so that a value leaves the
    /// memory together with its key.
    pub fn remaining(self, prefix: &[u8], now: SystemTime) -> Duration {
        let period = self.period_nanos.get();
        // Less than the period, and so a u64.
        let into = (self.elapsed(prefix, now) % u128::from(period)) as u64;
        Duration::from_nanos(period - into)
    }

    /// Nanoseconds since the key's first epoch began.
    fn elapsed(self, prefix: &[u8], now: SystemTime) -> u128 {
        let common = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        common.as_nanos() + u128::from(self.lead(prefix))
    }

    /// By how many nanoseconds the key is ahead of the common time: evenly spread over the period.
    /// The upper half of a product is the hash, read as a fraction, of the period.
    fn lead(self, prefix: &[u8]) -> u64 {
        let product = u128::from(xxh3_64(prefix)) * u128::from(self.period_nanos.get());
        (product >> 64) as u64
    }
}
