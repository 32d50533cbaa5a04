use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use groupcache::peers::CoherenceOptions;
use groupcache::{Always, Clock, GetOptions, GetterError, Group, Key, Mode, Never, Node, Value};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::database::Database;
use super::history::{Event, History, Read, Told};
use super::plan::{Plan, STORM, Tell, What};
use super::post::{Dialler, Post, url};
use super::random::Random;

/// After so long without faults, every node has to know of every change that has returned.
const BOUND: Duration = Duration::from_secs(60);

/// No operation takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

const LOAD_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs a plan. Returns what happened.
pub async fn run(plan: &Plan) -> Vec<(Duration, Event)> {
    let history = Arc::new(History::new());
    let world = World {
        plan: Arc::new(plan.clone()),
        post: Post::new(plan, Arc::clone(&history)),
        database: Database::new(plan.keys),
        history,
    };
    let mut nodes = Nodes::new(world).await;
    let start = Instant::now();
    for action in &plan.actions {
        sleep_until(start + action.at).await;
        nodes.act(&action.what).await;
    }
    sleep_until(start + STORM).await;
    nodes.end().await
}

#[derive(Clone)]
struct World {
    plan: Arc<Plan>,
    post: Arc<Post>,
    database: Database,
    history: Arc<History>,
}

struct Nodes {
    world: World,
    running: HashMap<usize, Running>,
    /// How often a node has started.
    lives: u64,
}

struct Running {
    node: Node,
    group: Group,
    /// What clients of this node do meanwhile, who end with it.
    clients: JoinSet<()>,
}

impl Nodes {
    async fn new(world: World) -> Self {
        let mut nodes = Self {
            running: HashMap::new(),
            lives: 0,
            world,
        };
        for node in 0..nodes.world.plan.nodes {
            nodes.start(node).await;
        }
        nodes
    }

    async fn start(&mut self, number: usize) {
        self.lives += 1;
        let life = self.lives;
        let World {
            plan,
            post,
            database,
            history,
        } = self.world.clone();
        let dialler = Dialler {
            post: Arc::clone(&post),
            node: number,
            life,
        };
        let node = Node::builder(url(number))
            .peers((0..plan.nodes).map(url))
            .transport(dialler)
            .coherence(coherence(&plan))
            .clock(SimulatedClock)
            .start()
            .await
            .expect("good settings");
        let getter = Getting {
            number,
            plan: Arc::clone(&plan),
            database,
            history,
        };
        let budget = if plan.settings.tiny { 1 << 10 } else { 1 << 20 };
        let builder = node.group("g", budget, getter).load_timeout(LOAD_TIMEOUT);
        let builder = match plan.settings.mirrors {
            true => builder.promoter(Always),
            false => builder.promoter(Never),
        };
        let group = builder.build().expect("good settings");
        let service = node.peer_service();
        post.change(|ways| ways.start(number, life, service));
        let clients = JoinSet::new();
        self.running.insert(
            number,
            Running {
                node,
                group,
                clients,
            },
        );
    }

    async fn act(&mut self, what: &What) {
        if what.is_of_a_client() {
            self.client(what);
            return;
        }
        self.world.history.add(match what {
            What::Crash { node } => Event::Crash { node: *node },
            other => Event::Fault(other.to_string()),
        });
        let post = Arc::clone(&self.world.post);
        match *what {
            What::Cut { from, to } => post.change(|ways| ways.cut(from, to)),
            What::Heal => post.change(super::post::Ways::heal),
            What::Slow { one, other, by } => post.change(|ways| ways.slow(one, other, by)),
            What::Crash { node } => {
                post.change(|ways| ways.crash(node));
                self.running.remove(&node);
            }
            What::Restart { node } if !self.running.contains_key(&node) => self.start(node).await,
            What::Add { node, member } => {
                if let Some(running) = self.running.get(&node) {
                    running
                        .node
                        .add_peer(&*url(member))
                        .expect("a good address");
                }
            }
            What::Remove { node, member } => {
                if let Some(running) = self.running.get(&node) {
                    let _ = running
                        .node
                        .remove_peer(&url(member))
                        .expect("a good address");
                }
            }
            _ => {}
        }
    }

    /// Starts what a client does.
    fn client(&mut self, what: &What) {
        let (What::Get { node, .. }
        | What::Peek { node, .. }
        | What::GetMany { node, .. }
        | What::WarmUp { node, .. }
        | What::Write { node, .. }) = *what
        else {
            return;
        };
        let Some(running) = self.running.get_mut(&node) else {
            return; // there is no client where there is no node
        };
        let client = Client {
            number: node,
            node: running.node.clone(),
            group: running.group.clone(),
            world: self.world.clone(),
        };
        let what = what.clone();
        running.clients.spawn(async move {
            if timeout(PATIENCE, client.act(&what)).await.is_err() {
                let rule = format!("{what} has not ended within {PATIENCE:?}");
                client.world.history.add(Event::Broken(rule));
            }
        });
        while running.clients.try_join_next().is_some() {}
    }

    /// The end of the storm: everything is mended, and after a while every node is asked for every key.
    async fn end(mut self) -> Vec<(Duration, Event)> {
        let plan = Arc::clone(&self.world.plan);
        self.world.post.change(|ways| {
            ways.heal();
            ways.hurry();
        });
        self.world
            .history
            .add(Event::Fault("the storm is over".into()));
        for node in 0..plan.nodes {
            if !self.running.contains_key(&node) {
                self.start(node).await;
            }
            self.running[&node]
                .node
                .set_peers((0..plan.nodes).map(url))
                .expect("good addresses");
        }
        for running in self.running.values_mut() {
            while running.clients.join_next().await.is_some() {}
        }
        sleep(BOUND).await;
        self.world.history.add(Event::Settled);
        let reads: Vec<u64> = (0..plan.keys)
            .map(|key| self.world.database.reads(key))
            .collect();
        // Twice, so that also mirrors are read.
        for _ in 0..2 {
            for key in 0..plan.keys {
                for node in 0..plan.nodes {
                    self.client(&What::Get { node, key });
                }
                for running in self.running.values_mut() {
                    while running.clients.join_next().await.is_some() {}
                }
            }
        }
        self.check_loads(&reads);
        self.check_budgets();
        self.world.history.take()
    }

    /// In calm weather, one load for each key.
    fn check_loads(&self, before: &[u64]) {
        let settings = &self.world.plan.settings;
        if settings.tiny || settings.failing > 0 || settings.hanging > 0 {
            return;
        }
        for (key, before) in before.iter().enumerate() {
            let loads = self.world.database.reads(key) - before;
            if loads > 1 {
                let rule = format!("k{key} was loaded {loads} times although nothing changed");
                self.world.history.add(Event::Broken(rule));
            }
        }
    }

    fn check_budgets(&self) {
        for (number, running) in &self.running {
            let usage = running.group.usage();
            let stats = running.group.stats();
            if usage.bytes > usage.budget {
                let rule = format!(
                    "n{number} holds {} bytes in a budget of {}",
                    usage.bytes, usage.budget
                );
                self.world.history.add(Event::Broken(rule));
            }
            if stats.pending_hints > 0 {
                let rule = format!("n{number} has {} hints left", stats.pending_hints);
                self.world.history.add(Event::Broken(rule));
            }
        }
    }
}

fn coherence(plan: &Plan) -> CoherenceOptions {
    let options = CoherenceOptions::default();
    match plan.settings.short_log {
        true => options.change_log_bytes(2 << 10),
        false => options,
    }
}

struct Client {
    number: usize,
    node: Node,
    group: Group,
    world: World,
}

impl Client {
    async fn act(&self, what: &What) {
        match what {
            &What::Get { key, .. } => self.get(key, Mode::Normal).await,
            &What::Peek { key, .. } => self.get(key, Mode::Peek).await,
            What::GetMany { keys, .. } => self.get_many(keys).await,
            &What::WarmUp { key, .. } => drop(self.group.warm_up(name(key)).await),
            What::Write { keys, tell, .. } => self.write(keys, *tell).await,
            _ => {}
        }
    }

    async fn get(&self, key: usize, mode: Mode) {
        let called = self.world.history.now();
        let options = GetOptions::default().mode(mode);
        let got = self.group.get_with_options(name(key), options).await;
        self.got(
            key,
            called,
            got.map(groupcache::Entry::into_value)
                .map_err(|error| error.to_string()),
        );
    }

    async fn get_many(&self, keys: &[usize]) {
        let called = self.world.history.now();
        let answers = self.group.get_many(keys.iter().map(|key| name(*key))).await;
        for (key, got) in keys.iter().zip(answers) {
            self.got(*key, called, got.map_err(|error| error.to_string()));
        }
    }

    fn got(&self, key: usize, called: Duration, got: Result<groupcache::ByteView, String>) {
        let outcome = got.map(|value| version(key, &value));
        let (node, written) = (self.number, self.world.database.version(key));
        self.world.history.add(Event::Read(Read {
            node,
            key,
            called,
            outcome,
            written,
        }));
    }

    async fn write(&self, keys: &[usize], tell: Tell) {
        let locked = self.world.database.lock(keys).await;
        let called = self.world.history.now();
        let versions: Vec<_> = keys
            .iter()
            .map(|&key| (key, self.world.database.write(key)))
            .collect();
        let members: Vec<usize> = self.node.peers().iter().map(number).collect();
        let change = async {
            match tell {
                Tell::Set => {
                    let (key, version) = versions[0];
                    self.group.set(name(key), value(key, version)).await
                }
                Tell::Clear => self.group.clear().await,
                Tell::Remove | Tell::Abandoned(_) => match keys {
                    [key] => self.group.remove(name(*key)).await,
                    keys => {
                        self.group
                            .remove_many(keys.iter().map(|key| name(*key)))
                            .await
                    }
                },
            }
        };
        let result = match tell {
            Tell::Abandoned(patience) => match timeout(patience, change).await {
                Ok(result) => result,
                Err(_) => return,
            },
            _ => change.await,
        };
        drop(locked);
        let not_told: Vec<usize> = match &result {
            Ok(()) => Vec::new(),
            Err(error) => error
                .failed_peers()
                .iter()
                .map(|peer| number(peer.member()))
                .collect(),
        };
        let mut told: Vec<usize> = members
            .into_iter()
            .filter(|member| !not_told.contains(member))
            .collect();
        if !told.contains(&self.number) {
            told.push(self.number);
        }
        let node = self.number;
        self.world.history.add(Event::Told(Told {
            node,
            tell,
            called,
            versions,
            told,
            not_told,
        }));
    }
}

fn number(member: &groupcache::Member) -> usize {
    let number = member.url().trim_start_matches("http://n");
    number.parse().expect("an address of the simulation")
}

fn name(key: usize) -> String {
    format!("k{key}")
}

fn value(key: usize, version: u64) -> String {
    format!("k{key}={version}.{}", "-".repeat(40 + 17 * key))
}

fn version(key: usize, value: &[u8]) -> u64 {
    let text = std::str::from_utf8(value).expect("a value of the simulation");
    let (of, rest) = text.split_once('=').expect("a value of the simulation");
    assert_eq!(of, name(key), "the value of another key");
    rest.split('.')
        .next()
        .and_then(|version| version.parse().ok())
        .expect("a version")
}

struct Getting {
    number: usize,
    plan: Arc<Plan>,
    database: Database,
    history: Arc<History>,
}

impl groupcache::Getter for Getting {
    async fn get(&self, key: Key) -> Result<Value, GetterError> {
        let number: usize = key.to_str()?.trim_start_matches('k').parse()?;
        let reads = self.database.reads(number);
        let mut random = Random::of(&[self.plan.seed, 3, self.number as u64, number as u64, reads]);
        let settings = &self.plan.settings;
        sleep(random.wait(settings.getter)).await;
        let version = self.database.read(number);
        self.history.add(Event::Load {
            node: self.number,
            key: number,
            version,
        });
        if random.chance(settings.failing) {
            return Err("the database is busy".into());
        }
        if random.chance(settings.hanging) {
            std::future::pending::<()>().await;
        }
        sleep(random.wait(settings.getter)).await;
        Ok(value(number, version).into())
    }
}

/// The time of the simulation.
struct SimulatedClock;

impl Clock for SimulatedClock {
    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}
