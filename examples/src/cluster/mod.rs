//! The main job: a slow database, a few nodes in front of it, and a crowd.
//!
//! Starts a [`dbserver`] and several [`frontend`]s as processes of their own, sends them a stampede
//! on one key and then a skewed load, and tells how often the database was asked.

mod chaos;
mod crowd;
mod nodes;
mod process;
mod report;
mod rows;
mod tally;

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use http::Method;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use peers::Protocol;
use serde_json::Value;

use crate::client::Client;
use crate::{BoxError, dbserver, frontend, program};
use chaos::{Outcome, Scenario, Stage};
use crowd::{Crowd, Plan};
use nodes::Nodes;
use process::Process;
use report::{Report, Stampede};
use rows::Rows;

/// Starts a slow database and a cluster of nodes in front of it, lets a crowd loose on them, and
/// tells how often the database was asked.
#[derive(Debug, Parser)]
#[command(name = "cluster", version)]
pub struct Options {
    /// Nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    nodes: u16,
    /// Requests of the load.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// Callers that wait for an answer at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Keys that the load asks for.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    keys: u32,
    /// Exponent of Zipf's law: how much more popular some keys are than others; 0 is not at all.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = crate::zipf::exponent)]
    zipf: f64,
    /// Bytes of a value.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(..=1 << 20))]
    value_bytes: u32,
    /// Milliseconds that every read of the database takes.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    delay: u64,
    /// Callers of the stampede; 0 leaves it out.
    #[arg(long, default_value_t = 1_000)]
    stampede: u32,
    /// Bytes that each node's cache may take.
    #[arg(long, default_value_t = 64 << 20)]
    cache_bytes: usize,
    /// Keep a copy of each value on a second node, so that a crash loses little.
    #[arg(long)]
    standby: bool,
    /// Wire format and ring of the nodes.
    #[arg(long, value_name = "P", default_value_t)]
    protocol: Protocol,
    /// End the load after this many seconds, if the requests have not.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Kill a node on the way, and start it again. With scenarios: warm a cluster up, and put it under load before, while
    /// and after each of them happens.
    #[arg(
        long,
        value_name = "SCENARIO,..",
        value_enum,
        num_args = 0..,
        require_equals = true,
        value_delimiter = ','
    )]
    chaos: Option<Vec<Scenario>>,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
}

/// The program, which is also the programs it starts: `cargo run --bin cluster` builds one
/// executable, so a first argument `dbserver` or `frontend` makes it that one.
pub fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    match args.get(1).and_then(|first| first.to_str()) {
        Some("dbserver") => program::main_with(args.split_off(1), dbserver::run),
        Some("frontend") => program::main_with(args.split_off(1), frontend::run),
        _ => program::main_with(args, run),
    }
}

/// Runs the demo to its end or to Ctrl-C. Every process it started is gone when it returns.
///
/// # Errors
///
/// When a process does not start, a request fails, or a key was loaded more than once although all
/// nodes were up.
pub async fn run(options: Options) -> Result<(), BoxError> {
    if options.chaos.is_some() && options.nodes < 2 {
        return Err("--chaos needs a second node, for the callers to go to".into());
    }
    tokio::select! {
        done = main_job(&options) => done,
        _ = program::stop_requested(false) => Err("interrupted".into()),
    }
}

async fn main_job(options: &Options) -> Result<(), BoxError> {
    match options.chaos.as_deref() {
        None | Some([]) => demo(options).await,
        Some(scenarios) => perform(options, scenarios).await,
    }
}

/// Performs scenarios one after the other, each with a cluster of its own.
async fn perform(options: &Options, scenarios: &[Scenario]) -> Result<(), BoxError> {
    let rows = Rows::new(options.keys as usize, options.value_bytes as usize);
    let rows = Arc::new(rows);
    let directory = tempfile::tempdir()?;
    let client = Client::new();
    let mut outcomes = Vec::new();
    for &scenario in scenarios {
        let (delay, file) = (options.delay, directory.path().join(scenario.name()));
        let database = database(delay, &file, &rows, &client).await?;
        // One more for who joins.
        let joins = scenario == Scenario::Join;
        let nodes = start_nodes(options, options.nodes + u16::from(joins), &database).await?;
        if joins {
            nodes.keep_back().await?;
        }
        let nodes = Arc::new(nodes);
        let stage = Stage {
            crowd: Crowd::new(Arc::clone(&nodes), Arc::clone(&rows)),
            nodes,
            plan: &|| plan(options, ProgressBar::hidden()),
            client: &client,
            database: &database,
        };
        let outcome = stage.perform(scenario).await?;
        if !options.json {
            writeln!(io::stdout(), "{}", outcome.to_table())?;
        }
        outcomes.push(outcome);
    }
    if options.json {
        let outcomes: Vec<Value> = outcomes.iter().map(Outcome::to_json).collect();
        writeln!(io::stdout(), "{}", Value::from(outcomes))?;
    }
    let checks = outcomes.iter().try_for_each(Outcome::check);
    checks.map_err(BoxError::from)
}

/// Starts a database with the rows in it.
async fn database(
    delay: u64,
    file: &Path,
    rows: &Arc<Rows>,
    client: &Client,
) -> Result<Process, BoxError> {
    let args = [
        "--listen=127.0.0.1:0".into(),
        format!("--delay={delay}"),
        format!("--data={}", file.display()),
    ];
    let database = Process::start("dbserver", args).await?;
    rows.write_to(client, &database.url()).await?;
    Ok(database)
}

async fn start_nodes(options: &Options, count: u16, database: &Process) -> Result<Nodes, BoxError> {
    let args = [
        format!("--db={}", database.url()),
        format!("--protocol={}", options.protocol),
        format!("--cache-bytes={}", options.cache_bytes),
    ];
    let standby = options.standby.then(|| "--standby".into());
    Nodes::start(count, args.into_iter().chain(standby)).await
}

/// What the callers of a load are to do.
fn plan(options: &Options, bar: ProgressBar) -> Plan {
    Plan {
        requests: options.requests,
        callers: options.concurrency,
        keys: options.keys as usize,
        zipf: options.zipf,
        limit: Duration::from_secs(options.seconds),
        is_over: Arc::default(),
        bar,
    }
}

async fn demo(options: &Options) -> Result<(), BoxError> {
    let say = |text: String| {
        if options.json {
            Ok(())
        } else {
            writeln!(io::stdout(), "{text}")
        }
    };
    let count = |n| HumanCount(n).to_string();

    // The last row is the stampede's: nobody asks for it before or after.
    let rows = Arc::new(Rows::new(
        options.keys as usize + 1,
        options.value_bytes as usize,
    ));
    let stampede_row = options.keys as usize;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("rows.sqlite");

    say(format!(
        "{} nodes share one cache in front of a slow database. First comes a stampede, then a \
         skewed load.\nWhat counts is how often the database is asked.\n",
        options.nodes,
    ))?;
    let client = Client::new();
    let database = database(options.delay, &file, &rows, &client).await?;
    say(format!(
        "  database  {}  SQLite, {} rows, every read takes {} ms",
        database.url(),
        count(rows.len() as u64),
        options.delay,
    ))?;
    let nodes = start_nodes(options, options.nodes, &database).await?;
    for (number, url) in (1..).zip(nodes.urls()) {
        say(format!(
            "  node {number:<3}  {url}  {} protocol, up to {}",
            options.protocol,
            HumanBytes(options.cache_bytes as u64),
        ))?;
    }

    if let Some(url) = nodes.urls().next() {
        say(format!("  watch it  {url}/groupcachez while this runs"))?;
    }

    let nodes = Arc::new(nodes);
    let crowd = Crowd::new(Arc::clone(&nodes), Arc::clone(&rows));
    let callers = affordable(options.stampede);
    let mut stampede = None;
    if callers > 0 {
        say(format!(
            "\nStampede: {} callers, spread over the nodes, ask at once for one key that no node has.",
            count(callers.into()),
        ))?;
        let (tally, took) = crowd.stampede(callers, stampede_row).await;
        let loads = reads(&client, &database).await?.of(rows.key(stampede_row));
        say(format!(
            "  {} answers after {} ms, database loads: {loads}",
            count(tally.answers()),
            took.as_millis(),
        ))?;
        stampede = Some(Stampede {
            callers,
            loads,
            took,
            tally,
        });
    }

    say(format!(
        "\nLoad: {} requests from {} callers for {} keys, some far more popular than others.",
        count(options.requests),
        options.concurrency,
        count(options.keys.into()),
    ))?;
    let bar = progress_bar(options);
    let load = crowd.load(plan(options, bar.clone()));
    let load = if options.chaos.is_some() {
        with_chaos(load, &nodes, &bar, options.requests).await?
    } else {
        load.await
    };
    bar.finish_and_clear();

    let report = Report {
        nodes: options.nodes,
        protocol: options.protocol,
        delay: Duration::from_millis(options.delay),
        distinct_keys: crowd.distinct_keys(),
        database_loads: reads(&client, &database).await?.all(),
        per_node: nodes.stats(&client).await,
        stampede,
        load,
        chaos: options.chaos.is_some(),
    };
    if options.json {
        writeln!(io::stdout(), "{}", report.to_json())?;
    } else {
        say(format!("\n{}\n\n{}", report.to_table(), report.verdict()))?;
    }
    report.check().map_err(BoxError::from)
}

/// Runs the load; after a third of it one node is killed, after two thirds it is started again.
async fn with_chaos<T>(
    load: impl Future<Output = T>,
    nodes: &Nodes,
    bar: &ProgressBar,
    requests: u64,
) -> Result<T, BoxError> {
    const VICTIM: usize = 1;
    let over = Cell::new(false);
    let answered = async |count| {
        // The load may end early, at its time limit.
        while bar.position() < count && !over.get() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let load = async {
        let load = load.await;
        over.set(true);
        load
    };
    let chaos = async {
        answered(requests / 3).await;
        nodes.kill(VICTIM).await?;
        bar.set_message("node 2 is dead");
        answered(requests / 3 * 2).await;
        nodes.restart(VICTIM).await?;
        bar.set_message("node 2 is back, with an empty cache");
        Ok(())
    };
    let (load, chaos) = tokio::join!(load, chaos);
    chaos.map(|()| load)
}

/// As many callers as this process may have sockets for, with some to spare.
fn affordable(callers: u32) -> u32 {
    const SPARE: u64 = 100;
    let limit = rlimit::increase_nofile_limit(u64::from(callers) + SPARE).unwrap_or(256);
    callers.min(u32::try_from(limit.saturating_sub(SPARE)).unwrap_or(u32::MAX))
}

fn progress_bar(options: &Options) -> ProgressBar {
    let bar = if options.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(options.requests)
    };
    let style = ProgressStyle::with_template(
        "  {wide_bar} {human_pos} of {human_len}, {per_sec:>12}  {msg}",
    );
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What the database server says of its reads.
struct Reads(Value);

impl Reads {
    fn all(&self) -> u64 {
        self.0["gets"].as_u64().unwrap_or(0)
    }

    fn of(&self, key: &str) -> u64 {
        self.0["gets_by_key"][key].as_u64().unwrap_or(0)
    }
}

async fn reads(client: &Client, database: &Process) -> Result<Reads, BoxError> {
    let stats = client
        .send_ok(Method::GET, &format!("{}/stats", database.url()), "")
        .await?;
    Ok(Reads(serde_json::from_slice(&stats)?))
}
