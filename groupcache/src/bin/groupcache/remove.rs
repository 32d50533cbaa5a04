use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::client::Failures;
use super::failure::Failure;
use super::group_options::GroupOptions;
use super::keys::KeysOptions;
use super::output::Output;
use super::plain::plain;

/// Removes values on all nodes.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    keys: KeysOptions,
    #[command(flatten)]
    group: GroupOptions,
}

/// The keys that are removed together.
const BATCH: usize = 1000;

pub(super) async fn run(options: Options, output: Output) -> Result<(), Failure> {
    let batches = options.keys.batches(BATCH)?;
    let plan = options.group.plan().await?;
    let client = options.group.client(&plan).await?;
    let bar = progress_bar();
    let (mut removed, mut failures, mut unreadable) = (0, Failures::default(), None);
    for batch in batches {
        let batch = match batch {
            Ok(batch) => batch,
            Err(failure) => {
                unreadable = Some(failure);
                break;
            }
        };
        match client.group.remove_many(&batch).await {
            Ok(()) => removed += batch.len(),
            // The other members have removed the keys, and the rest of the keys does not depend on these.
            Err(error) => failures.add(&error),
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    match unreadable {
        // Nothing has been changed.
        Some(failure) if removed == 0 && failures.is_empty() => return Err(failure),
        Some(failure) => {
            let reason = plain(&failure.to_string());
            let mut text = format!("{removed} keys were removed, and then: {reason}");
            if !failures.is_empty() {
                text = format!("{text}; {}", client.tell(&failures));
            }
            return Err(Failure::Partly { removed, text });
        }
        None if failures.is_empty() => {}
        None => {
            let text = format!("{removed} keys were removed; {}", client.tell(&failures));
            return Err(Failure::Partly { removed, text });
        }
    }
    if output.json {
        output.value(&json!({ "removed": removed, "group": client.group.name() }))?;
    }
    Ok(())
}

/// Shown once the work takes longer than a moment.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} keys removed, {per_sec}");
    let bar = ProgressBar::no_length();
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
