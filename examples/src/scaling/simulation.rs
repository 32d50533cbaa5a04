use std::sync::Arc;
use std::time::Duration;

use groupcache::testing::Candidates;
use indicatif::ProgressBar;
use peers::{
    BoxFuture, CircuitOptions, Error, GetRequest, Member, PeerClient, Protocol, Reply, Router,
    Routes, Transport,
};

use super::Options;
use super::links::Links;
use super::mirrors::Mirrors;
use super::phase::Phase;
use super::rates::Rate;
use crate::BoxError;
use crate::zipf::{Random, Zipf};

/// Rounds of a rolling restart: a twentieth of the nodes at a time.
const ROUNDS: usize = 20;

/// A cluster whose nodes, network and time are simulated.
pub(super) struct Simulation<'a> {
    options: &'a Options,
    bar: &'a ProgressBar,
    zipf: Zipf,
    random: Random,
    /// In seconds.
    now: f32,
    members: Vec<Member>,
    /// The router of somebody who watches and is no member. All nodes see the same members at the same time, so
    /// that one stands for the routers of all.
    router: Router,
    /// The number of each node on the ring, in the order of the ring's members.
    up: Vec<u32>,
    nodes: Vec<Node>,
    /// By key: who has the value in its main cache.
    held: Vec<Held>,
    /// By key: the rate that its owner counts.
    owner_rates: Vec<Rate>,
    links: Links,
    candidates: Candidates,
    phase: Phase,
}

struct Node {
    is_up: bool,
    /// How often the node has started. What it cached in an earlier life is gone.
    life: u32,
    /// `None` in a cluster without mirrors.
    mirrors: Option<Mirrors>,
}

/// The node that has a value, in one of its lives.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Held {
    node: u32,
    life: u32,
}

/// Of a key that nobody has asked for.
const NEVER: Held = Held {
    node: u32::MAX,
    life: 0,
};

impl<'a> Simulation<'a> {
    /// A cluster of `size` nodes with empty caches.
    pub(super) fn new(
        options: &'a Options,
        size: usize,
        has_mirrors: bool,
        bar: &'a ProgressBar,
    ) -> Result<Self, BoxError> {
        let members = (0..size)
            .map(member)
            .collect::<Result<Vec<_>, peers::Error>>()?;
        let router = Router::new(
            Member::with_id("watcher", "http://watcher")?,
            Protocol::Native.scheme(),
            Arc::new(NoNetwork),
            CircuitOptions::default(),
        );
        // Simulated time is not the router's: whatever a change replaces counts until the next one.
        let router = router.handoff(Duration::MAX);
        router.set_members(members.clone())?;
        let room = options.mirrors as usize;
        let node = || Node {
            is_up: true,
            life: 0,
            mirrors: has_mirrors.then(|| Mirrors::new(room)),
        };
        let keys = size * options.keys_per_node as usize;
        Ok(Self {
            options,
            bar,
            zipf: Zipf::new(keys, options.zipf),
            random: Random::new(options.seed),
            now: 0.0,
            members,
            router,
            up: (0..size as u32).collect(),
            nodes: (0..size).map(|_| node()).collect(),
            held: vec![NEVER; keys],
            owner_rates: vec![Rate::default(); keys],
            links: Links::new(size),
            candidates: Candidates::new(),
            phase: Phase::new(size),
        })
    }

    /// Lets the caches fill.
    pub(super) fn warm_up(&mut self) {
        self.gets(self.options.gets());
        self.end_phase();
    }

    /// The phase in which all nodes are up.
    pub(super) fn steady(&mut self) -> Phase {
        self.gets(self.options.gets());
        self.end_phase()
    }

    /// The phase in which all nodes restart, some at a time.
    pub(super) fn rolling_restart(&mut self) -> Result<Phase, BoxError> {
        let size = self.nodes.len();
        let rounds = ROUNDS.min(size);
        let gets = self.options.gets() as usize;
        for round in 0..rounds {
            let restarting = round * size / rounds..(round + 1) * size / rounds;
            // The gets that come before a point of time are those before the same part of the phase.
            let until = |half: usize| (gets * (2 * round + half) / (2 * rounds)) as u32;
            for node in restarting.clone() {
                self.stop(node);
            }
            self.change_members()?;
            self.gets(until(1) - until(0));
            for node in restarting {
                self.nodes[node].is_up = true;
            }
            self.change_members()?;
            self.gets(until(2) - until(1));
        }
        Ok(self.end_phase())
    }

    /// The node is gone with all that it has cached.
    fn stop(&mut self, node: usize) {
        let room = self.options.mirrors as usize;
        let node = &mut self.nodes[node];
        node.is_up = false;
        node.life += 1;
        if let Some(mirrors) = &mut node.mirrors {
            *mirrors = Mirrors::new(room);
        }
    }

    fn change_members(&mut self) -> Result<(), BoxError> {
        let up = |node: &usize| self.nodes[*node].is_up;
        let up: Vec<usize> = (0..self.nodes.len()).filter(up).collect();
        let members = up.iter().map(|node| self.members[*node].clone()).collect();
        self.router.set_members(members)?;
        self.up = up.into_iter().map(|node| node as u32).collect();
        Ok(())
    }

    /// So many gets of each node, in turn.
    fn gets(&mut self, rounds: u32) {
        let routes = self.router.snapshot();
        for _ in 0..rounds {
            for at in 0..self.up.len() {
                let key = self.zipf.rank(self.random.uniform());
                self.get(self.up[at], key, &routes);
            }
            self.now += 1.0 / self.options.rate as f32;
            self.bar.inc(1);
        }
    }

    fn get(&mut self, asker: u32, key: usize, routes: &Routes) {
        self.phase.gets += 1;
        let owner = self.owner(key, routes);
        let mirrors = self.nodes[asker as usize].mirrors.as_ref();
        if asker != owner && mirrors.is_some_and(|mirrors| mirrors.has(key as u32)) {
            return;
        }
        if asker != owner {
            self.exchange(asker, owner);
        }
        self.phase.served[owner as usize] += 1;
        let rate = self.owner_rates[key].count(self.now);
        if !self.has(owner, key) {
            self.load(owner, key);
        }
        let (members, now) = (self.up.len(), self.now);
        if asker != owner
            && let Some(mirrors) = &mut self.nodes[asker as usize].mirrors
        {
            mirrors.offer(key as u32, rate, members, now, &self.candidates);
        }
    }

    /// The owner gets the value from the former owner or, if that has none, from the database.
    fn load(&mut self, owner: u32, key: usize) {
        let former = self.former_owner(key).filter(|former| *former != owner);
        let former = former.filter(|former| self.nodes[*former as usize].is_up);
        if let Some(former) = former {
            self.exchange(owner, former);
        }
        if former.is_none_or(|former| !self.has(former, key)) {
            self.phase.loads += 1;
            self.phase.repeated_loads += u64::from(self.held[key] != NEVER);
        }
        self.held[key] = Held {
            node: owner,
            life: self.nodes[owner as usize].life,
        };
    }

    fn exchange(&mut self, from: u32, to: u32) {
        self.phase.fetches += 1;
        self.links.dial(from as usize, to as usize);
    }

    fn has(&self, node: u32, key: usize) -> bool {
        let life = self.nodes[node as usize].life;
        self.held[key] == Held { node, life }
    }

    fn owner(&self, key: usize, routes: &Routes) -> u32 {
        let at = routes.ring().map(|ring| ring.owner_index(&bytes(key)));
        at.map_or(0, |at| self.up[at])
    }

    fn former_owner(&self, key: usize) -> Option<u32> {
        let former = self.router.former_owners(&bytes(key));
        let former = former.first()?;
        former.member().id().strip_prefix(PREFIX)?.parse().ok()
    }

    /// What has happened since the end of the last phase.
    fn end_phase(&mut self) -> Phase {
        let mut phase = std::mem::replace(&mut self.phase, Phase::new(self.nodes.len()));
        phase.connections = self.links.count();
        phase.key_balance = self.key_balance();
        phase
    }

    fn key_balance(&self) -> f64 {
        let routes = self.router.snapshot();
        let mut owned = vec![0_u32; self.nodes.len()];
        for key in 0..self.held.len() {
            owned[self.owner(key, &routes) as usize] += 1;
        }
        let most = owned.into_iter().max().unwrap_or(0);
        f64::from(most) / f64::from(self.options.keys_per_node)
    }
}

const PREFIX: &str = "node-";

fn member(number: usize) -> Result<Member, peers::Error> {
    Member::with_id(
        format!("{PREFIX}{number}"),
        format!("http://{PREFIX}{number}"),
    )
}

fn bytes(key: usize) -> [u8; 8] {
    (key as u64).to_be_bytes()
}

/// A transport for a router that is asked for owners only.
#[derive(Debug)]
struct NoNetwork;

impl Transport for NoNetwork {
    fn dial(&self, _: &Member) -> Result<Arc<dyn PeerClient>, Error> {
        Ok(Arc::new(Self))
    }
}

impl PeerClient for NoNetwork {
    fn get<'a>(&'a self, _: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async { Err(Error::not_found("no network")) })
    }
}
