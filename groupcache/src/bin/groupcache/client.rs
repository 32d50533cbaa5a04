use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use groupcache::{Error, Group, GroupBuilder, Key, Node};

use super::access::Access;
use super::cluster::Plan;
use super::failure::{Failure, with_causes};
use super::plain::plain;

/// A node without keys of its own, that lives as long as a command. So a get, set or removal goes the same way as that of
/// any other node: to the key's owner, past members that are down, and to all others where it has to.
#[derive(Debug)]
pub(super) struct Client {
    node: Node,
    pub(super) group: Group,
    /// Whether the getter was called, which is when no member has answered.
    is_alone: Arc<AtomicBool>,
}

/// How the tool calls itself. Nobody dials it: it serves nothing and is on no ring.
const ITSELF: &str = "groupcache-tool=http://localhost";

impl Client {
    /// Joins the ring of a plan, as a client.
    pub(super) async fn join(plan: &Plan, access: Access) -> Result<Self, Failure> {
        let name = plan.group.clone();
        let name = name.ok_or_else(|| Failure::Start("--group is needed".to_owned()))?;
        let mut node = Node::builder(ITSELF)
            .include_self(false)
            .peers(&plan.members)
            .protocol(plan.protocol)
            .ring(plan.scheme)
            .http(access.http);
        if let Some(label) = &plan.label {
            node = node.cluster(label);
        }
        let node = node.start().await.map_err(|error| Failure::start(&error))?;
        let is_alone = Arc::new(AtomicBool::new(false));
        let called = Arc::clone(&is_alone);
        let getter = move |_: Key| {
            called.store(true, Ordering::Relaxed);
            async { Err::<Vec<u8>, _>("no member has answered") }
        };
        let group = node.group(name, 0, getter);
        let group = GroupBuilder::build(group).map_err(|error| Failure::start(&error))?;
        Ok(Self {
            node,
            group,
            is_alone,
        })
    }

    /// What a failed call has come to, with what the members have said.
    pub(super) fn explain(&self, error: &Error) -> Failure {
        if self.is_alone.load(Ordering::Relaxed) {
            let report = self.node.report();
            let reasons = report.ring.peers.iter().filter_map(|peer| {
                let last = peer.failures.first()?;
                Some(plain(&format!("{}: {}", peer.member, last.text)))
            });
            let reasons: Vec<String> = reasons.take(3).collect();
            return Failure::Failed(format!("no member has answered: {}", reasons.join("; ")));
        }
        let mut failures = Failures::default();
        failures.add(error);
        Failure::Failed(self.tell(&failures))
    }

    /// The failures in words.
    pub(super) fn tell(&self, failures: &Failures) -> String {
        let mut parts: Vec<String> = failures.other.iter().cloned().collect();
        if !failures.members.is_empty() {
            let members = failures.members.iter();
            let members = members.map(|(member, reason)| format!("{member}: {reason}"));
            let members: Vec<String> = members.collect();
            parts.push(format!(
                "{} of {} members have not taken it, and may serve the old value for a while: {}",
                members.len(),
                self.node.peers().len(),
                members.join("; ")
            ));
        }
        parts.join("; ")
    }
}

/// Why calls have failed, with each member once however often it has failed. All texts are [`plain`].
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// The last reason of each member that has not taken a change.
    members: BTreeMap<String, String>,
    /// The last reason that is none of a member.
    other: Option<String>,
}

impl Failures {
    pub(super) fn add(&mut self, error: &Error) {
        if error.failed_peers().is_empty() {
            self.other = Some(plain(&with_causes(error)));
        }
        for peer in error.failed_peers() {
            let member = plain(&peer.member().to_string());
            let reason = plain(&with_causes(peer.error()));
            self.members.insert(member, reason);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.other.is_none()
    }
}
