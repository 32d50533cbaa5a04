//! Nodes in networks of their own, so that one can be cut off.
//!
//! The whole program runs in a network namespace, with the callers and the database, and each node in a further one. A
//! bridge joins them. All of it is gone when the processes are.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::BoxError;
use crate::cluster::executable::Executable;
use crate::cluster::nodes::Home;

/// Where callers and database are.
pub(super) const HUB: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));

/// An address on the link that nobody has.
const NOBODY: &str = "02:00:00:00:00:01";

/// What `unshare` has to be told, for root and for others.
const WAYS: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];

/// The networks of nodes.
#[derive(Debug)]
pub(super) struct Network(Vec<Site>);

/// The network of a node, which a process of its own keeps.
#[derive(Debug)]
struct Site {
    ip: IpAddr,
    process: u32,
    /// Ends with its stdin.
    _keeper: Child,
}

/// Starts this program again in a network of its own.
///
/// # Errors
///
/// When that is not allowed here. Otherwise this does not return.
pub(in crate::cluster) async fn enter(flag: &str) -> BoxError {
    let mut reason = BoxError::from("no way was tried");
    for way in WAYS {
        let probe = "ip link set lo up && ip link add probe type bridge && ip link add one type veth peer name other \
            && unshare --net -- ip link set lo up && command -v nsenter";
        match run("unshare", &[way, &["--", "sh", "-c", probe]].concat()).await {
            Ok(()) => return start_again(way, flag).unwrap_or_else(Into::into),
            Err(error) => reason = error,
        }
    }
    reason
}

/// Replaces this process.
fn start_again(way: &[&str], flag: &str) -> std::io::Result<BoxError> {
    let mut unshare = std::process::Command::new("unshare");
    let unshare = unshare.args(way).arg("--").arg(std::env::current_exe()?);
    let failed = unshare.args(std::env::args_os().skip(1)).arg(flag).exec();
    Ok(failed.into())
}

/// A new network has no addresses, not even those of the machine itself.
pub(super) async fn set_up_loopback() -> Result<(), BoxError> {
    ip("link set lo up").await
}

impl Network {
    /// Networks for this many nodes.
    pub(super) async fn new(nodes: u16) -> Result<Self, BoxError> {
        // An earlier scenario may have left one.
        let _ = ip("link del hub").await;
        ip("link add hub type bridge").await?;
        ip(&format!("addr add {HUB}/16 dev hub")).await?;
        ip("link set hub up").await?;
        let mut sites = Vec::new();
        for number in 0..nodes {
            sites.push(Site::new(number).await?);
        }
        Ok(Self(sites))
    }

    pub(super) fn homes(&self, executable: &Executable) -> Vec<Home> {
        let home = |site: &Site| Home {
            executable: executable.clone().in_network_of(site.process),
            ip: site.ip,
        };
        self.0.iter().map(home).collect()
    }

    /// Has a node and the others not reach each other. What they send is lost without a word.
    pub(super) async fn cut_off(&self, node: usize) -> Result<(), BoxError> {
        for (from, to) in self.ways(node) {
            let to = to.ip;
            from.ip(&format!(
                "neigh replace {to} lladdr {NOBODY} dev eth0 nud permanent"
            ))
            .await?;
        }
        Ok(())
    }

    /// Ends that.
    pub(super) async fn heal(&self, node: usize) -> Result<(), BoxError> {
        for (from, to) in self.ways(node) {
            from.ip(&format!("neigh del {} dev eth0", to.ip)).await?;
        }
        Ok(())
    }

    /// From a node to each other one, and back.
    fn ways(&self, node: usize) -> impl Iterator<Item = (&Site, &Site)> {
        let this = &self.0[node];
        let others = self.0.iter().filter(|other| other.ip != this.ip);
        others.flat_map(move |other| [(this, other), (other, this)])
    }
}

impl Site {
    async fn new(number: u16) -> Result<Self, BoxError> {
        let mut keeper = Command::new("unshare")
            .args(["--net", "--", "sh", "-c", "echo ready; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = keeper.stdout.take().ok_or("a child without stdout")?;
        let ready = BufReader::new(stdout).lines().next_line().await?;
        let process = keeper.id().filter(|_| ready.is_some());
        let process = process.ok_or("a network could not be made")?;
        let site = Self {
            ip: Ipv4Addr::from_bits(Ipv4Addr::new(10, 77, 1, 0).to_bits() + u32::from(number) + 1)
                .into(),
            process,
            _keeper: keeper,
        };
        let link = format!("node{number}");
        let address = site.ip;
        // That of an earlier scenario goes some time after its processes.
        let _ = ip(&format!("link del {link}")).await;
        ip(&format!(
            "link add {link} type veth peer name eth0 netns {process}"
        ))
        .await?;
        ip(&format!("link set {link} master hub")).await?;
        ip(&format!("link set {link} up")).await?;
        site.ip("link set lo up").await?;
        site.ip(&format!("addr add {address}/16 dev eth0")).await?;
        site.ip("link set eth0 up").await?;
        Ok(site)
    }

    /// Runs `ip` in this network.
    async fn ip(&self, words: &str) -> Result<(), BoxError> {
        let net = format!("--net=/proc/{}/ns/net", self.process);
        let words: Vec<&str> = [&*net, "ip"].into_iter().chain(words.split(' ')).collect();
        run("nsenter", &words).await
    }
}

/// Runs `ip` in the network of this process.
async fn ip(words: &str) -> Result<(), BoxError> {
    run("ip", &words.split(' ').collect::<Vec<_>>()).await
}

async fn run(program: &str, args: &[&str]) -> Result<(), BoxError> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output();
    let output = output
        .await
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let reason = String::from_utf8_lossy(&output.stderr);
            Err(format!("{program} {}: {}", args.join(" "), reason.trim()).into())
        }
    }
}
