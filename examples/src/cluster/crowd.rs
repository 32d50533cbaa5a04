use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderValue, Method, StatusCode};
use tokio::task::JoinSet;

use super::nodes::Nodes;
use super::plan::{CALLERS, Due, Plan};
use super::rows::Rows;
use super::tally::{SOURCES, Tally};
use crate::BoxError;
use crate::client::Client;
use crate::escape::escape;
use crate::program::with_causes;
use crate::zipf::{Random, Zipf};

/// The callers.
#[derive(Clone, Debug)]
pub(super) struct Crowd(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    nodes: Arc<Nodes>,
    rows: Arc<Rows>,
    client: Client,
    /// Which rows somebody has asked for.
    asked: Vec<AtomicBool>,
    /// Loads that have begun, so that none asks for the same rows in the same order as another: the nodes would have them.
    loads: AtomicU64,
}

impl Crowd {
    pub(super) fn new(nodes: Arc<Nodes>, rows: Arc<Rows>) -> Self {
        let asked = (0..rows.len()).map(|_| AtomicBool::new(false)).collect();
        let client = Client::new();
        Self(Arc::new(Inner {
            nodes,
            rows,
            client,
            asked,
            loads: AtomicU64::new(0),
        }))
    }

    /// How many rows somebody has asked for.
    pub(super) fn distinct_keys(&self) -> u64 {
        self.0
            .asked
            .iter()
            .filter(|asked| asked.load(Ordering::Relaxed))
            .count() as u64
    }

    /// All callers ask for one row at once, in turn on every node.
    pub(super) async fn stampede(&self, callers: u32, row: usize) -> (Tally, Duration) {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for caller in 0..callers as usize {
            let crowd = self.clone();
            tasks.spawn(async move {
                let mut tally = Tally::default();
                let node = caller % crowd.0.nodes.len();
                crowd.0.ask(node, row, Due::now(), &mut tally).await;
                tally
            });
        }
        (sum(tasks).await, start.elapsed())
    }

    /// Each of the first rows is asked for once.
    pub(super) async fn warm_up(&self, rows: usize) -> Result<(), BoxError> {
        const CALLERS: usize = 64;
        let mut tasks = JoinSet::new();
        for caller in 0..CALLERS {
            let crowd = self.clone();
            tasks.spawn(async move {
                let mut tally = Tally::default();
                for row in (caller..rows).step_by(CALLERS) {
                    let node = row % crowd.0.nodes.len();
                    crowd.0.ask(node, row, Due::now(), &mut tally).await;
                }
                tally
            });
        }
        no_errors(&sum(tasks).await, "the warm-up")
    }

    /// How many requests a second are answered if as many callers as keep a pace ask as soon as they have an answer.
    pub(super) async fn capacity(&self, plan: Plan) -> Result<f64, BoxError> {
        const TIME: Duration = Duration::from_secs(3);
        let load = self.load(Plan {
            requests: u64::MAX,
            callers: CALLERS,
            limit: TIME,
            ..plan
        });
        let load = load.await;
        no_errors(&load.tally, "the load to measure the capacity with")?;
        Ok(load.tally.answers() as f64 / load.took.as_secs_f64())
    }

    /// Callers ask for one row after another, each on any node.
    pub(super) async fn load(&self, plan: Plan) -> Load {
        let begin = Instant::now();
        let (callers, plan) = (plan.callers, Arc::new(plan));
        let zipf = Arc::new(Zipf::new(plan.keys, plan.zipf));
        let begun = Arc::new(AtomicU64::new(0));
        let load = self.0.loads.fetch_add(1, Ordering::Relaxed);
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            let (crowd, plan, zipf) = (self.clone(), Arc::clone(&plan), Arc::clone(&zipf));
            let begun = Arc::clone(&begun);
            tasks.spawn(async move {
                let seed = load << u16::BITS | u64::from(caller);
                let (mut tally, mut random) = (Tally::default(), Random::new(seed));
                loop {
                    let number = begun.fetch_add(1, Ordering::Relaxed);
                    if number >= plan.requests {
                        break tally;
                    }
                    let due = plan.due(begin, number).await;
                    if plan.is_over(due.after) {
                        break tally;
                    }
                    let row = zipf.rank(random.uniform());
                    let node = random.below(crowd.0.nodes.len());
                    crowd.0.ask(node, row, due, &mut tally).await;
                    plan.bar.inc(1);
                }
            });
        }
        Load {
            tally: sum(tasks).await,
            took: begin.elapsed(),
        }
    }
}

/// What came of the load.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) tally: Tally,
    pub(super) took: Duration,
}

fn no_errors(tally: &Tally, of: &str) -> Result<(), BoxError> {
    match tally.errors {
        0 => Ok(()),
        _ => Err(format!("{of} failed: {}", tally.reasons.join("; ")).into()),
    }
}

async fn sum(mut tasks: JoinSet<Tally>) -> Tally {
    let mut sum = Tally::default();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(tally) => sum.add(tally),
            Err(panicked) => sum.failed(panicked.to_string()),
        }
    }
    sum
}

impl Inner {
    /// One request: to `first` if that node is up, and to the next one otherwise.
    async fn ask(&self, first: usize, row: usize, due: Due, tally: &mut Tally) {
        self.asked[row].store(true, Ordering::Relaxed);
        for step in 0..self.nodes.len() {
            let node = (first + step) % self.nodes.len();
            if !self.nodes.is_up(node) {
                continue;
            }
            let answer = tokio::select! {
                answer = self.exchange(node, row) => answer,
                () = self.nodes.went_down(node) => Err("the node went down".into()),
            };
            match answer {
                Ok(source) => return tally.answered(source, due.after, due.elapsed()),
                // Its node was killed while it waited; every real client goes elsewhere then.
                Err(_) if !self.nodes.is_up(node) => tally.moved += 1,
                Err(reason) => return tally.failed(reason),
            }
        }
        tally.failed("no node is up".into());
    }

    /// Asks one node; the right answer's source, as an index into [`SOURCES`].
    async fn exchange(&self, node: usize, row: usize) -> Result<usize, String> {
        let key = escape(self.rows.key(row).as_bytes());
        let url = format!("{}/api/get?key={key}", self.nodes.url(node));
        let (head, body) = self
            .client
            .send(Method::GET, &url, "")
            .await
            .map_err(|error| format!("{url}: {}", with_causes(&*error)))?
            .into_parts();
        if head.status != StatusCode::OK {
            let reason = String::from_utf8_lossy(&body);
            return Err(format!("{url}: {}: {}", head.status, reason.trim_end()));
        }
        if body != self.rows.value(row) {
            return Err(format!("{url}: not the value of {key}"));
        }
        let source = head
            .headers
            .get("x-groupcache-source")
            .map(HeaderValue::as_bytes);
        SOURCES
            .iter()
            .position(|(name, _)| source == Some(name.as_bytes()))
            .ok_or_else(|| format!("{url}: {source:?} is not a source"))
    }
}
