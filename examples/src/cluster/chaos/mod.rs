//! What happens to a cluster under load when nodes die, come and go, or their surroundings do them harm.

mod checks;
mod cluster_kind;
mod flood;
mod herd;
mod network;
mod outcome;
mod scenario;
mod stage;
mod table;

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::Value;

use super::crowd::Crowd;
use super::database::Database;
use super::executable::Executable;
use super::golang::Golang;
use super::nodes::{Home, LOCALHOST, Nodes};
use super::rows::Rows;
use super::{Options, affordable};
use crate::BoxError;
use cluster_kind::ClusterKind;
use network::{HUB, Network};
use outcome::Outcome;
use stage::Stage;
use table::table;

pub(super) use network::enter as enter_network;
pub(super) use scenario::Scenario;

/// The connections that a node accepts, unless it is told otherwise, with those of its peers and some more.
const MOST_CONNECTIONS: u32 = 12_500;

/// Performs scenarios one after the other, each with a cluster of its own.
pub(super) async fn perform(
    options: &Options,
    scenarios: &[Scenario],
    golang: Option<&Golang>,
) -> Result<(), BoxError> {
    // Before the nodes start, which have no more room for connections than this process.
    affordable(options.herd.max(MOST_CONNECTIONS));
    if options.in_own_network {
        network::set_up_loopback().await?;
    }
    let rows = Rows::new(options.keys as usize, options.value_bytes as usize);
    let rows = Arc::new(rows);
    let kinds = [ClusterKind::Ours].into_iter();
    let kinds = kinds.chain(golang.map(|_| ClusterKind::Golang));
    let mut all = Vec::new();
    for &scenario in scenarios {
        let mut outcomes = Vec::new();
        for kind in kinds.clone().filter(|&kind| scenario.suits(kind)) {
            let stage = set_up(options, scenario, kind, golang, &rows).await?;
            outcomes.push(stage.perform(scenario).await?);
        }
        if !options.json {
            writeln!(io::stdout(), "{}", table(&outcomes))?;
        }
        all.extend(outcomes);
    }
    if options.json {
        let outcomes: Vec<Value> = all.iter().map(Outcome::to_json).collect();
        writeln!(io::stdout(), "{}", Value::from(outcomes))?;
    }
    all.iter().try_for_each(fail_if_missed)
}

/// Starts a database and a cluster.
async fn set_up<'a>(
    options: &'a Options,
    scenario: Scenario,
    kind: ClusterKind,
    golang: Option<&Golang>,
    rows: &Arc<Rows>,
) -> Result<Stage<'a>, BoxError> {
    // One more for who joins.
    let joins = scenario == Scenario::Join;
    let count = options.nodes + u16::from(joins);
    let network = match scenario {
        Scenario::Partition => Some(Network::new(count).await?),
        _ => None,
    };
    let ip = if network.is_some() { HUB } else { LOCALHOST };
    let database = Database::start(ip, options.delay, rows).await?;
    let (executable, flags) = match golang {
        Some(golang) if kind == ClusterKind::Golang => {
            let flags = Golang::node_flags(&database, options.cache_bytes);
            (golang.executable(), flags)
        }
        _ => {
            let flags = options.node_flags(&database).into_iter();
            let executable = Executable::of("frontend")?;
            (executable, flags.chain(scenario.flags()).collect())
        }
    };
    let homes = match &network {
        Some(network) => network.homes(&executable),
        None => vec![Home::local(executable); count.into()],
    };
    let nodes = Nodes::start(homes, flags).await?;
    if joins {
        nodes.keep_back().await?;
    }
    let nodes = Arc::new(nodes);
    Ok(Stage {
        options,
        kind,
        crowd: Crowd::new(Arc::clone(&nodes), Arc::clone(rows)),
        nodes,
        database,
        network,
    })
}

/// A missed check of our own cluster fails the program, unless it is one of time.
fn fail_if_missed(outcome: &Outcome) -> Result<(), BoxError> {
    let missed = checks::checks(outcome).into_iter();
    let mut missed = missed.filter(|check| !check.is_met && !check.is_of_time);
    match missed.next() {
        Some(check) if outcome.kind == ClusterKind::Ours => {
            Err(format!("{}: {}", outcome.scenario.name(), check.what).into())
        }
        _ => Ok(()),
    }
}
