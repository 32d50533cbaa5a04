use clap::Args;
use groupcache::peers::consistenthash::Ring;
use groupcache::{Member, Protocol, Scheme};

use super::access::AccessOptions;
use super::failure::Failure;
use super::fetch::{Fetched, Fetcher};
use super::plain::plain;
use super::ring::RingView;

/// Where the members are known.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which cluster")]
pub(super) struct ClusterOptions {
    /// A node to begin with, which names the others. Several make up for one that is down.
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    node: Vec<Member>,
    /// The members, as URL or ID=URL, where no --node is given.
    #[arg(
        long,
        value_name = "URL,URL",
        value_delimiter = ',',
        env = "GROUPCACHE_PEERS"
    )]
    peers: Vec<Member>,
}

/// The ring of members that no node has named; a node that names them says these, too.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which ring, where no --node says it")]
pub(super) struct RingOptions {
    /// Wire format and ring [default: native].
    #[arg(long, value_name = "P", env = "GROUPCACHE_PROTOCOL")]
    protocol: Option<Protocol>,
    /// Points of each member on the ring [default: as the protocol has it].
    #[arg(long, value_name = "N", env = "GROUPCACHE_REPLICAS")]
    replicas: Option<u32>,
    /// Label of the cluster, if it has one.
    #[arg(long, value_name = "NAME", env = "GROUPCACHE_CLUSTER")]
    cluster: Option<String>,
}

/// A ring and how its members are asked.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) members: Vec<Member>,
    pub(super) protocol: Protocol,
    pub(super) scheme: Scheme,
    pub(super) label: Option<String>,
    /// The group that was named, or the only one of the node.
    pub(super) group: Option<String>,
}

impl ClusterOptions {
    /// The nodes to begin with.
    pub(super) fn start(&self) -> Result<&[Member], Failure> {
        let start = if self.node.is_empty() {
            &self.peers
        } else {
            &self.node
        };
        if start.is_empty() {
            return Err(Failure::Start("--node or --peers is needed".to_owned()));
        }
        Ok(start)
    }

    /// The ring of a group, or of the nodes: as the first node says that answers, or as the options say.
    pub(super) async fn plan(
        &self,
        ring: &RingOptions,
        access: &AccessOptions,
        group: Option<&str>,
    ) -> Result<Plan, Failure> {
        let start = self.start()?;
        if self.node.is_empty() {
            return Ok(ring.plan(start, group));
        }
        let fetcher = Fetcher::new(access)?;
        let mut reasons = Vec::new();
        for node in start {
            match fetcher.fetch(node).await {
                Ok(fetched) => return named_by(node, fetched, group),
                Err(reason) => reasons.push(format!("{}: {}", node.url(), reason.text)),
            }
        }
        let reasons = reasons.join("; ");
        Err(Failure::Start(format!(
            "no node has named the members, so give them with --peers: {reasons}"
        )))
    }
}

impl RingOptions {
    fn plan(&self, members: &[Member], group: Option<&str>) -> Plan {
        let protocol = self.protocol.unwrap_or_default();
        let mut scheme = protocol.scheme();
        if let Some(replicas) = self.replicas {
            scheme = scheme.replicas(replicas);
        }
        let members = members.iter().cloned();
        Plan {
            members: members.map(|member| protocol.named(member)).collect(),
            protocol,
            scheme,
            label: self.cluster.clone(),
            group: group.map(str::to_owned),
        }
    }
}

/// The ring as a node has it, which has to be the one that is built here.
fn named_by(node: &Member, fetched: Fetched, group: Option<&str>) -> Result<Plan, Failure> {
    let mut report = fetched.report;
    let failed = |text: String| Failure::Start(format!("{}: {}", node.url(), plain(&text)));
    let protocol: Protocol = report
        .protocol
        .parse()
        .map_err(|error| failed(format!("its protocol cannot be spoken: {error}")))?;
    let names: Vec<String> = report
        .groups
        .iter()
        .map(|group| group.name.clone())
        .collect();
    let group = match (group, &*names) {
        (Some(group), _) => Some(group),
        (None, [only]) => Some(&**only),
        _ => None,
    };
    let own = report
        .groups
        .iter_mut()
        .find(|part| Some(&*part.name) == group);
    let own = own.and_then(|part| part.ring.take());
    let part = own.unwrap_or(report.ring);
    let listed = part.members();
    let view = RingView::new(part);
    let unknown = || {
        failed(format!(
            "its ring has rules that this tool does not know: {}",
            view.rules()
        ))
    };
    let scheme = view.scheme(protocol).ok_or_else(unknown)?;
    let members = listed.iter().map(|place| {
        let member = place.to_member();
        member.ok_or_else(|| failed(format!("it names a member that is none: {:?}", place.url)))
    });
    let members = members.collect::<Result<Vec<_>, _>>()?;
    let ids = members.iter().map(Member::id);
    let built = Ring::new(scheme, ids).map_err(|error| failed(error.to_string()))?;
    if format!("{:016x}", built.fingerprint()) != view.fingerprint {
        return Err(failed(
            "its ring comes out otherwise here, so that owners would be wrong".to_owned(),
        ));
    }
    Ok(Plan {
        members,
        protocol,
        scheme,
        label: report.cluster,
        group: group.map(str::to_owned),
    })
}
