use std::time::Instant;

/// What a store knows of an entry besides its key and value.
///
/// ```
/// use std::time::{Duration, Instant};
/// use lru::{Class, Meta};
///
/// let meta = Meta::new(4096).class(Class::Hot).expires(Instant::now() + Duration::from_secs(30));
/// assert_eq!(meta.charge, 4096);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta {
    /// From this instant on the entry is as good as absent; `None` for an entry that never expires.
    /// An instant 18 years or more after the store was made counts as never.
    pub expires: Option<Instant>,
    /// The bytes of the budget that the entry takes up, as stated by the caller of the insert. A charge above 2 GiB is rounded up to
    /// MiB, and one above 2 PiB counts as `usize::MAX`.
    pub charge: usize,
    /// The class of the entry.
    pub class: Class,
    /// A bit of the caller's own, of which the store makes nothing. It takes no memory.
    pub flag: bool,
}

impl Meta {
    /// An entry of class [`Class::Main`] that takes up `charge` bytes and never expires.
    pub const fn new(charge: usize) -> Self {
        Self {
            expires: None,
            charge,
            class: Class::Main,
            flag: false,
        }
    }

    /// Puts the entry into `class`.
    #[must_use]
    pub const fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// Sets the caller's own bit.
    #[must_use]
    pub const fn flag(mut self, flag: bool) -> Self {
        self.flag = flag;
        self
    }

    /// Lets the entry expire at an instant, or never.
    #[must_use]
    pub fn expires(mut self, at: impl Into<Option<Instant>>) -> Self {
        self.expires = at.into();
        self
    }
}

impl From<usize> for Meta {
    /// The same as [`Meta::new`].
    fn from(charge: usize) -> Self {
        Self::new(charge)
    }
}

/// The two kinds of entries that share one budget in a [`Cache`](crate::Cache).
///
/// One probe finds entries of both classes. Each class has its own order of use and its own sum of
/// bytes. [`CacheBuilder::hot_ratio`](crate::CacheBuilder::hot_ratio) decides which class gives way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Class {
    /// Entries that this process is responsible for.
    #[default]
    Main,
    /// Copies of popular entries that other processes are responsible for.
    Hot,
}

impl Class {
    pub(crate) const COUNT: usize = 2;

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Main => Self::Hot,
            Self::Hot => Self::Main,
        }
    }
}
