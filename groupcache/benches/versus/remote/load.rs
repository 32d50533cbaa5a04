//! What a client is asked to do, and what it answers: a line of numbers each, so that a client can be any program.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Callers that ask for values in a closed loop, each for keys of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// The size of each value, in bytes.
    pub(super) size: usize,
    pub(super) callers: usize,
    /// How long to ask.
    pub(super) time: Duration,
    /// How many keys each request asks for.
    pub(super) batch: usize,
    /// The size of the values that one more caller, who is not counted, asks for meanwhile; 0 if there is none.
    pub(super) beside: usize,
}

impl Load {
    pub(super) fn new(size: usize, callers: usize) -> Self {
        Self {
            size,
            callers,
            time: Duration::ZERO,
            batch: 1,
            beside: 0,
        }
    }

    pub(super) fn batch(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    pub(super) fn beside(self, beside: usize) -> Self {
        Self { beside, ..self }
    }

    pub(super) fn lasting(self, time: Duration) -> Self {
        Self { time, ..self }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.time.as_millis();
        let (size, callers, batch, beside) = (self.size, self.callers, self.batch, self.beside);
        write!(f, "{size} {callers} {millis} {batch} {beside}")
    }
}

impl FromStr for Load {
    type Err = anyhow::Error;
    fn from_str(line: &str) -> Result<Self> {
        let [size, callers, millis, batch, beside] = numbers(line)?;
        Ok(Self {
            size,
            callers,
            time: Duration::from_millis(millis as u64),
            batch,
            beside,
        })
    }
}

/// What a client has measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) requests: f64,
    pub(super) seconds: f64,
    /// Percentiles of the time that a request took, in microseconds.
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (requests, seconds) = (self.requests, self.seconds);
        let (p50, p99, p999) = (self.p50, self.p99, self.p999);
        write!(f, "{requests} {seconds} {p50} {p99} {p999}")
    }
}

impl FromStr for Timing {
    type Err = anyhow::Error;
    fn from_str(line: &str) -> Result<Self> {
        let [requests, seconds, p50, p99, p999] = numbers(line)?;
        Ok(Self {
            requests,
            seconds,
            p50,
            p99,
            p999,
        })
    }
}

fn numbers<T: FromStr>(line: &str) -> Result<[T; 5]> {
    let numbers = line.split_whitespace().map(str::parse);
    let numbers: Option<Vec<T>> = numbers.collect::<Result<_, _>>().ok();
    let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
    numbers.with_context(|| format!("not five numbers: {line:?}"))
}
