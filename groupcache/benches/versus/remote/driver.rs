//! The children's runtimes, with two threads each. One child serves, the other asks: a closed loop of callers.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::caller::{Caller, Client};
use super::keys::Held;
use super::load::{Load, Timing};

/// The threads of each runtime.
pub(super) const THREADS: usize = 2;

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
}

/// Serves on a free port, which it prints.
pub(super) fn serve<F: Future<Output = Result<()>>>(
    server: impl FnOnce(TcpListener) -> F,
) -> Result<()> {
    runtime()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("ready {}", listener.local_addr()?);
        server(listener).await
    })
}

/// Connects a client, and answers each load on stdin with its timing on stdout, or with its error.
pub(super) fn ask<C: Client>(connect: impl Future<Output = Result<C>>) -> Result<()> {
    let runtime = runtime()?;
    let client = runtime.block_on(connect)?;
    let mut session = Session {
        client,
        callers: Vec::new(),
        held: HashMap::new(),
    };
    for line in io::stdin().lines() {
        let load = line?.parse()?;
        match runtime.block_on(session.run(load)) {
            Ok(timing) => println!("{timing}"),
            Err(error) => println!("failed: {error:#}"),
        }
    }
    Ok(())
}

struct Session<C: Client> {
    client: C,
    /// Callers keep their connections from one load to the next.
    callers: Vec<C::Caller>,
    /// The keys of each size.
    held: HashMap<usize, Held>,
}

impl<C: Client> Session<C> {
    async fn run(&mut self, load: Load) -> Result<Timing> {
        let keys = self.keys(load.size, load.callers * load.batch).await?;
        while self.callers.len() < load.callers {
            self.callers.push(self.client.caller().await?);
        }
        let beside = self.beside(load).await?;
        let begin = Instant::now();
        let end = begin + load.time;
        let beside = beside
            .map(|(caller, load, keys)| tokio::spawn(closed_loop(caller, load, keys, 0, end)));
        let mut running = JoinSet::new();
        for (turn, caller) in self.callers.drain(..load.callers).enumerate() {
            running.spawn(closed_loop(caller, load, keys.clone(), turn, end));
        }
        let mut times = Histogram::<u64>::new(3)?;
        while let Some(ended) = running.join_next().await {
            let (caller, nanos) = ended??;
            self.callers.push(caller);
            for nanos in nanos {
                times.record(nanos.into())?;
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        if let Some(beside) = beside {
            beside.await??;
        }
        let percentile = |quantile| times.value_at_quantile(quantile) as f64 / 1e3;
        Ok(Timing {
            requests: times.len() as f64,
            seconds,
            p50: percentile(0.5),
            p99: percentile(0.99),
            p999: percentile(0.999),
        })
    }

    /// The caller that asks for large values meanwhile, its load and its keys.
    async fn beside(&mut self, load: Load) -> Result<Option<(C::Caller, Load, Arc<[String]>)>> {
        if load.beside == 0 {
            return Ok(None);
        }
        let keys = self.keys(load.beside, 1).await?;
        let caller = self.client.caller().await?;
        Ok(Some((caller, Load::new(load.beside, 1), keys)))
    }

    /// At least `least` keys of one size.
    async fn keys(&mut self, size: usize, least: usize) -> Result<Arc<[String]>> {
        let mut caller = match self.callers.pop() {
            Some(caller) => caller,
            None => self.client.caller().await?,
        };
        let held = self.held.entry(size).or_default();
        let keys = held.at_least(least, size, &mut caller).await?.into();
        self.callers.push(caller);
        Ok(keys)
    }
}

/// Asks until the end, and returns the nanoseconds that each request took. No two callers ask for the same key, so that
/// none of them shares another one's flight.
async fn closed_loop<C: Caller>(
    mut caller: C,
    load: Load,
    keys: Arc<[String]>,
    turn: usize,
    end: Instant,
) -> Result<(C, Vec<u32>)> {
    // Written in order, times stay out of the way of the processor's caches; a histogram for each caller would not.
    let mut nanos = Vec::new();
    let requests = keys.chunks_exact(load.batch).skip(turn);
    let mut requests = requests.step_by(load.callers).cycle();
    let mut begin = Instant::now();
    while begin < end {
        let bytes = match requests.next() {
            Some([key]) => caller.get(key).await?,
            Some(keys) => caller.many(keys).await?,
            None => bail!("there are fewer keys than callers"),
        };
        if bytes != load.batch * load.size {
            bail!("a value of {bytes} bytes");
        }
        let now = Instant::now();
        nanos.push(u32::try_from((now - begin).as_nanos()).unwrap_or(u32::MAX));
        begin = now;
    }
    Ok((caller, nanos))
}
