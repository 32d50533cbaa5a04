//! A steady load for as long as one likes, while what the nodes hold of the system is watched: it must not grow.

mod course;
mod report;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Options;
use super::crowd::{Crowd, Load};
use super::database::Database;
use super::nodes::{LOCALHOST, Nodes};
use super::plan::Plan;
use super::rows::Rows;
use crate::BoxError;
use crate::client::Client;
use course::{Course, Held};
use report::Report;

/// Puts a warm cluster under half of the load that it can bear for this time.
pub(super) async fn run(options: &Options, time: Duration) -> Result<(), BoxError> {
    let rows = Rows::new(options.keys as usize, options.value_bytes as usize);
    let rows = Arc::new(rows);
    let database = Database::start(LOCALHOST, options.delay, &rows).await?;
    let nodes = Arc::new(options.start_nodes(&database).await?);
    let crowd = Crowd::new(Arc::clone(&nodes), rows);
    crowd.warm_up(options.keys as usize).await?;
    let capacity = crowd.capacity(options.plan()).await?;

    let load = crowd.load(Plan {
        requests: u64::MAX,
        limit: time,
        // Few, so that not every pause opens many more connections.
        callers: options.concurrency,
        ..options.plan().paced(capacity / 2.0)
    });
    let mut courses = vec![Course::default(); nodes.len()];
    let load: Load = tokio::select! {
        load = load => load,
        failed = watch(&nodes, &mut courses) => return Err(failed),
        failed = restart(&nodes, options.restart_every) => return Err(failed),
    };
    let report = Report {
        urls: nodes.urls().map(str::to_owned).collect(),
        courses,
        load,
    };
    let text = match options.json {
        true => report.to_json().to_string(),
        false => report.to_table(),
    };
    writeln!(io::stdout(), "{text}")?;
    report.check().map_err(BoxError::from)
}

/// Looks at all nodes every second, until it cannot.
async fn watch(nodes: &Nodes, courses: &mut [Course]) -> BoxError {
    let client = Client::new();
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        for (node, course) in courses.iter_mut().enumerate() {
            if !nodes.is_up(node) {
                continue;
            }
            match Held::by(nodes, node, &client).await {
                Ok(held) => course.push(held),
                // It is being restarted.
                Err(_) if !nodes.is_up(node) => {}
                Err(error) => return error,
            }
        }
    }
}

/// Has one node after another leave in order and start again, until one cannot.
async fn restart(nodes: &Nodes, every: Option<u64>) -> BoxError {
    let Some(every) = every else {
        return std::future::pending().await;
    };
    for node in (0..nodes.len()).cycle() {
        sleep(Duration::from_secs(every)).await;
        let again = async {
            nodes.end(node).await?;
            nodes.restart(node).await
        };
        if let Err(error) = again.await {
            return error;
        }
    }
    "there are no nodes".into()
}
