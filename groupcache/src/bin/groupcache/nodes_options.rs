use clap::Args;
use groupcache::Member;
use indicatif::ProgressBar;

use super::access::AccessOptions;
use super::cluster::ClusterOptions;
use super::failure::Failure;
use super::fetch::Fetcher;
use super::gather::{Gathered, gather, progress_bar};

/// The nodes whose reports a command reads, and how they are reached.
#[derive(Debug, Args)]
pub(super) struct NodesOptions {
    /// Members that are asked at most.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    max_nodes: usize,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    access: AccessOptions,
}

/// Asks all nodes, once or again and again.
#[derive(Debug)]
pub(super) struct Rounds<'a> {
    fetcher: Fetcher,
    start: &'a [Member],
    max_nodes: usize,
    /// For the first round; later ones have the last one's reports to show meanwhile.
    bar: Option<ProgressBar>,
}

impl NodesOptions {
    pub(super) fn rounds(&self) -> Result<Rounds<'_>, Failure> {
        Ok(Rounds {
            fetcher: Fetcher::new(&self.access)?,
            start: self.cluster.start()?,
            max_nodes: self.max_nodes,
            bar: Some(progress_bar()),
        })
    }
}

impl Rounds<'_> {
    /// Asks all nodes. If none has a report in the first round, that is an error.
    pub(super) async fn ask(&mut self) -> Result<Gathered, Failure> {
        let first = self.bar.take();
        let is_first = first.is_some();
        let bar = first.unwrap_or_else(ProgressBar::hidden);
        let gathered = gather(&self.fetcher, self.start, self.max_nodes, &bar).await;
        match gathered.silence() {
            Some(reason) if is_first => Err(Failure::Start(reason)),
            _ => Ok(gathered),
        }
    }
}
