use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::plan::Tell;
use super::value::Held;

/// What happened in a run, in the order of time.
#[derive(Debug)]
pub struct History {
    start: Instant,
    events: Mutex<Vec<(Duration, Event)>>,
}

#[derive(Clone, Debug)]
pub enum Event {
    Read(Read),
    Told(Told),
    /// A getter call read this version.
    Load {
        node: usize,
        key: usize,
        version: u64,
    },
    Message {
        from: usize,
        to: usize,
        what: String,
    },
    /// A fault, or its end.
    Fault(String),
    /// A node runs no more, and what it knew is gone.
    Gone {
        node: usize,
    },
    /// From here on everything works, so that each read is bound to see the latest version.
    Settled,
    /// A rule was broken that is checked while the cluster runs.
    Broken(String),
}

/// When an operation was called.
#[derive(Clone, Copy, Debug)]
pub struct Called {
    pub at: Duration,
    /// How many events had happened by then.
    pub place: usize,
}

/// A get that has returned.
#[derive(Clone, Debug)]
pub struct Read {
    pub node: usize,
    pub key: usize,
    pub called: Called,
    pub is_peek: bool,
    /// What it got, or why it got nothing.
    pub outcome: Result<Held, String>,
    /// The version in the database when it returned.
    pub written: u64,
}

impl Read {
    /// Whether it got a value past its life.
    pub fn is_stale(&self) -> bool {
        let until = self.outcome.as_ref().ok().and_then(|held| held.until);
        until.is_some_and(|until| until < self.called.at)
    }
}

/// A change that has returned.
#[derive(Clone, Debug)]
pub struct Told {
    pub node: usize,
    pub tell: Tell,
    pub called: Duration,
    /// The keys, and the versions that were written before the cache was told.
    pub versions: Vec<(usize, u64)>,
    /// The nodes that have been told, the one that told them included.
    pub told: Vec<usize>,
    pub not_told: Vec<usize>,
}

impl History {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            events: Mutex::default(),
        }
    }

    pub fn start(&self) -> Instant {
        self.start
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// An operation is called now.
    pub fn called(&self) -> Called {
        let (at, place) = (self.now(), self.events.lock().len());
        Called { at, place }
    }

    pub fn add(&self, event: Event) {
        let now = self.now();
        self.events.lock().push((now, event));
    }

    pub fn message(&self, from: usize, to: usize, what: &str) {
        let what = what.to_owned();
        self.add(Event::Message { from, to, what });
    }

    pub fn take(&self) -> Vec<(Duration, Event)> {
        std::mem::take(&mut *self.events.lock())
    }
}

impl Event {
    /// Whether it happens all the time, and mostly brings nothing new.
    pub fn is_routine(&self) -> bool {
        match self {
            Self::Message { what, .. } => what == "ping" || what.starts_with("sync: 0"),
            _ => false,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(Read {
                node,
                key,
                called,
                outcome,
                ..
            }) => {
                match outcome {
                    Ok(held) => write!(f, "n{node}  get k{key} = {}", held.version)?,
                    Err(error) => write!(f, "n{node}  get k{key}: {error}")?,
                }
                write!(f, "   (called {:.3?})", called.at)
            }
            Self::Told(told) => {
                let (node, tell) = (told.node, told.tell);
                write!(f, "n{node}  {tell:?} of")?;
                for (key, version) in &told.versions {
                    write!(f, " k{key}={version}")?;
                }
                write!(f, " has returned, told {:?}", told.told)?;
                if !told.not_told.is_empty() {
                    write!(f, ", not told {:?}", told.not_told)?;
                }
                write!(f, "   (called {:.3?})", told.called)
            }
            Self::Load { node, key, version } => write!(f, "n{node}  loads k{key} = {version}"),
            Self::Message { from, to, what } => write!(f, "n{from} -> n{to}  {what}"),
            Self::Fault(what) => write!(f, "*** {what}"),
            Self::Gone { node } => write!(f, "*** n{node} runs no more"),
            Self::Settled => write!(f, "*** everything has been well for long enough"),
            Self::Broken(rule) => write!(f, "!!! {rule}"),
        }
    }
}
