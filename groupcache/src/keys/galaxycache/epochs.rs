use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

/// Divides time into epochs that begin for each ID at another moment: galaxycache's `EpochConfig`.
///
/// All programs of a cluster need the same three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epochs {
    zero: SystemTime,
    /// At most `i64::MAX`.
    length_nanos: NonZeroU64,
    multiplier: u64,
}

/// What tells the keys of a family apart, and so their epochs: a text, or an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Id<'a> {
    /// As `JitterStrID` takes it: any bytes, which are hashed.
    Text(&'a [u8]),
    /// As `JitterIntID` takes it: multiplied by the configured number.
    Integer(u64),
}

impl<'a> From<&'a str> for Id<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Id<'a> {
    fn from(text: &'a [u8]) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Id<'_> {
    fn from(integer: u64) -> Self {
        Self::Integer(integer)
    }
}

impl Epochs {
    /// Epochs that are counted from `zero` (`EpochZero`), of one `length` (`EpochLength`), of which
    /// integer IDs are `multiplier` apart (`IntIDJitterPrimeMultiplier`). `None` for a length of zero,
    /// and if one of the two is more than 292 years, which are 2⁶³ ns.
    ///
    /// The length and the multiplier are best prime numbers of nanoseconds. Where Go's package panics,
    /// because a length is short for the IDs, there are epochs here all the same.
    pub fn new(zero: SystemTime, length: Duration, multiplier: Duration) -> Option<Self> {
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).ok();
        Some(Self {
            zero,
            length_nanos: NonZeroU64::new(nanos(length)? as u64)?,
            multiplier: nanos(multiplier)? as u64,
        })
    }

    /// How long an epoch lasts.
    pub const fn length(self) -> Duration {
        Duration::from_nanos(self.length_nanos.get())
    }

    /// The number of the epoch that it is at `now` for `id`. Before the first it is what Go makes of
    /// a negative number, and so it is, from 292 years after it on.
    pub fn number<'a>(self, now: SystemTime, id: impl Into<Id<'a>>) -> u64 {
        let lead = self.lead(id.into());
        let elapsed = self.elapsed(now).wrapping_add(lead as i64);
        (elapsed / self.length_nanos.get() as i64) as u64
    }

    /// Nanoseconds since the first epoch, as far as Go can tell them.
    fn elapsed(self, now: SystemTime) -> i64 {
        match now.duration_since(self.zero) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos)
            }
        }
    }

    /// By how many nanoseconds the ID is ahead, less than the length.
    fn lead(self, id: Id<'_>) -> u64 {
        let jitter = match id {
            Id::Integer(integer) => u128::from(integer) * u128::from(self.multiplier),
            Id::Text(text) => Sha256::digest(text)[..12]
                .iter()
                .fold(0, |jitter, byte| jitter << 8 | u128::from(*byte)),
        };
        (jitter % u128::from(self.length_nanos.get())) as u64
    }
}
