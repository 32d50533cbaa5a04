use std::cell::Cell;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::crowd::Crowd;
use super::database::Database;
use super::nodes::{LOCALHOST, Nodes};
use super::plan::Plan;
use super::report::{Report, Stampede};
use super::rows::Rows;
use super::{Options, affordable};
use crate::BoxError;
use crate::client::Client;

/// A stampede and a skewed load, on the way of which a node may be killed and started again.
pub(super) async fn run(options: &Options) -> Result<(), BoxError> {
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

    say(format!(
        "{} nodes share one cache in front of a slow database. First comes a stampede, then a \
         skewed load.\nWhat counts is how often the database is asked.\n",
        options.nodes,
    ))?;
    let database = Database::start(LOCALHOST, options.delay, &rows).await?;
    say(format!(
        "  database  {}  SQLite, {} rows, every read takes {} ms",
        database.url(),
        count(rows.len() as u64),
        options.delay,
    ))?;
    let nodes = options.start_nodes(&database).await?;
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
        let loads = database.reads().await?.of(rows.key(stampede_row));
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
    let load = crowd.load(Plan {
        bar: bar.clone(),
        ..options.plan()
    });
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
        database_loads: database.reads().await?.all(),
        per_node: nodes.stats(&Client::new()).await,
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
