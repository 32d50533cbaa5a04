//! The command `top`: what happens now, again and again.

mod frame;
mod rates;

use std::time::Duration;

use clap::Args;
use console::Term;

use super::failure::Failure;
use super::nodes_options::NodesOptions;
use super::output::Output;
use frame::Frame;
use rates::Readings;

/// Shows what happens now, and again every few seconds: hit ratio, bytes, hot keys.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Time between two readings.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    every: Duration,
    /// Readings after which to end [default: none].
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Hot keys to show.
    #[arg(long, value_name = "N", default_value_t = 10)]
    keys: usize,
    /// Nodes to show, those with the most gets first [default: half of the screen].
    #[arg(long, value_name = "N")]
    rows: Option<usize>,
    #[command(flatten)]
    nodes: NodesOptions,
}

/// The shortest time between two readings.
const SHORTEST: Duration = Duration::from_millis(100);

/// With `--json`, a line for each reading.
pub(super) async fn run(options: Options, output: Output) -> Result<(), Failure> {
    let (mut rounds, mut readings) = (options.nodes.rounds()?, Readings::default());
    let mut timer = tokio::time::interval(options.every.max(SHORTEST));
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut number = 0;
    while options.count.is_none_or(|count| number < count) {
        timer.tick().await;
        let gathered = rounds.ask().await?;
        number += 1;
        let frame = Frame::new(&gathered, &mut readings);
        if output.json {
            output.value_line(&frame.to_json(options.keys))?;
            continue;
        }
        let terminal = Term::stdout();
        let height = usize::from(terminal.size_checked().map_or(48, |(rows, _)| rows));
        let rows = options.rows.unwrap_or_else(|| (height / 2).max(5));
        let text = frame.text(output, rows, options.keys);
        if terminal.is_term() {
            terminal.clear_screen()?;
        }
        output.line(&text)?;
    }
    Ok(())
}
