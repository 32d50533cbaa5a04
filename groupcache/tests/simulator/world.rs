use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use groupcache::peers::CoherenceOptions;
use groupcache::{
    Always, ByteView, Clock, Error, GetOptions, GetterError, Group, Key, Mode, Never, Node, Value,
};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::database::Database;
use super::freshness::LOAD_QUEUE;
use super::history::{Called, Event, History, Read, Told};
use super::plan::{Plan, STORM, Tell, What};
use super::post::{Dialler, Post, REQUEST_TIMEOUT, url};
use super::random::Random;
use super::value::{held, name, value};
use super::wall_clock;

/// After so long without faults, every node has to know of every change that has returned.
const BOUND: Duration = Duration::from_secs(60);

/// How long a writer may wait for others that write to the same keys.
const QUEUE: Duration = Duration::from_secs(600);

/// What else may take some time.
const MARGIN: Duration = Duration::from_secs(1);

const LOAD_TIMEOUT: Duration = Duration::from_secs(3);

/// A load, and the waits for its turn.
const LOAD: Duration = LOAD_TIMEOUT.saturating_add(LOAD_QUEUE.saturating_mul(2));

/// Runs a plan. Returns what happened.
pub async fn run(plan: &Plan) -> Vec<(Duration, Event)> {
    let history = Arc::new(History::new());
    wall_clock::follow(history.start(), plan.settings.clock_error, plan.seed);
    let world = World {
        plan: Arc::new(plan.clone()),
        post: Post::new(plan, Arc::clone(&history)),
        database: Database::new(plan.keys),
        history,
        lists: Arc::default(),
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
    lists: Arc<Mutex<Lists>>,
}

/// Whom each node that runs takes for a member.
#[derive(Default)]
struct Lists {
    of: BTreeMap<usize, Vec<usize>>,
    /// How often they have changed.
    changes: u64,
}

impl Lists {
    /// All that hear of a change if these are told, and pass it on.
    fn reached(&self, told: &[usize]) -> Vec<usize> {
        let on = told.iter().filter_map(|node| self.of.get(node)).flatten();
        let all: BTreeSet<usize> = told.iter().chain(on).copied().collect();
        all.into_iter()
            .filter(|node| self.of.contains_key(node))
            .collect()
    }
}

struct Nodes {
    world: World,
    running: BTreeMap<usize, Running>,
    /// Those that have started, and have not left for good.
    members: BTreeSet<usize>,
    /// Those that have.
    gone: BTreeSet<usize>,
    /// Those that have left in order, and still run.
    retired: BTreeSet<usize>,
    /// How often a node has started.
    lives: u64,
}

struct Running {
    node: Node,
    group: Group,
    /// What clients of this node do meanwhile, who end with it.
    clients: JoinSet<()>,
    outcomes: Arc<Mutex<Outcomes>>,
}

/// How the gets of a node's clients have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcomes {
    found: u64,
    not_found: u64,
    failed: u64,
}

impl Nodes {
    async fn new(world: World) -> Self {
        let mut nodes = Self {
            running: BTreeMap::new(),
            members: BTreeSet::new(),
            gone: BTreeSet::new(),
            retired: BTreeSet::new(),
            lives: 0,
            world,
        };
        let plan = Arc::clone(&nodes.world.plan);
        let absent = plan.absent();
        nodes.members = (0..plan.nodes)
            .filter(|node| !absent.contains(node))
            .collect();
        for node in nodes.members.clone() {
            nodes.start(node).await;
        }
        nodes.note_lists();
        nodes
    }

    async fn start(&mut self, number: usize) {
        self.lives += 1;
        self.members.insert(number);
        let life = self.lives;
        let World {
            plan,
            post,
            database,
            history,
            ..
        } = self.world.clone();
        let dialler = Dialler {
            post: Arc::clone(&post),
            node: number,
            life,
        };
        let node = Node::builder(url(number))
            .peers(self.members.iter().copied().map(url))
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
        let has_standby = plan.settings.standby;
        let builder = builder.standby(has_standby);
        let builder = plan.settings.freshness.apply(builder, has_standby);
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
                outcomes: Arc::default(),
            },
        );
    }

    async fn act(&mut self, what: &What) {
        if what.is_of_a_client() {
            self.client(what);
            return;
        }
        self.world.history.add(Event::Fault(what.to_string()));
        self.do_to_nodes(what).await;
        self.note_lists();
    }

    async fn do_to_nodes(&mut self, what: &What) {
        let post = Arc::clone(&self.world.post);
        match *what {
            What::Cut { from, to } => post.change(|ways| ways.cut(from, to)),
            What::Heal => post.change(super::post::Ways::heal),
            What::Slow { one, other, by } => post.change(|ways| ways.slow(one, other, by)),
            What::Crash { node } => self.stop(node),
            What::Retire { node } => {
                if let Some(running) = self.running.get_mut(&node) {
                    let leaver = running.node.clone();
                    running.clients.spawn(async move { leaver.leave().await });
                    self.retired.insert(node);
                }
            }
            What::Leave { node } => {
                self.stop(node);
                self.members.remove(&node);
                self.gone.insert(node);
            }
            What::Start { node }
                if !self.running.contains_key(&node) && !self.gone.contains(&node) =>
            {
                self.start(node).await;
            }
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

    /// Every node is asked for every key: for what it has or the owner has, and twice more, so that also mirrors are read.
    async fn ask_for_all(&mut self) {
        let questions: [fn(usize, usize) -> What; 3] = [
            |node, key| What::Peek { node, key },
            |node, key| What::Get { node, key },
            |node, key| What::GetMany {
                node,
                keys: vec![key],
            },
        ];
        for question in questions {
            for key in 0..self.world.plan.keys {
                for node in 0..self.world.plan.nodes {
                    self.client(&question(node, key));
                }
                for running in self.running.values_mut() {
                    while running.clients.join_next().await.is_some() {}
                }
            }
        }
    }

    fn note_lists(&self) {
        let members = |running: &Running| running.node.peers().iter().map(number).collect();
        let lists = self.running.iter();
        let of = lists
            .map(|(&node, running)| (node, members(running)))
            .collect();
        let mut lists = self.world.lists.lock();
        if lists.of != of {
            lists.of = of;
            lists.changes += 1;
        }
    }

    fn stop(&mut self, node: usize) {
        self.world.post.change(|ways| ways.crash(node));
        self.retired.remove(&node);
        if self.running.remove(&node).is_some() {
            self.world.history.add(Event::Gone { node });
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
            outcomes: Arc::clone(&running.outcomes),
        };
        let what = what.clone();
        running.clients.spawn(async move {
            let patience = longest(&what);
            if timeout(patience, client.act(&what)).await.is_err() {
                let rule = format!("{what} has not ended within {patience:?}");
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
        for node in self.retired.clone() {
            self.stop(node);
        }
        let gone = self.gone.clone();
        for node in (0..plan.nodes).filter(|node| !gone.contains(node)) {
            if !self.running.contains_key(&node) {
                self.start(node).await;
            }
        }
        for running in self.running.values() {
            let members = self.members.iter().copied().map(url);
            running.node.set_peers(members).expect("good addresses");
        }
        for running in self.running.values_mut() {
            while running.clients.join_next().await.is_some() {}
        }
        sleep(BOUND).await;
        self.world.history.add(Event::Settled);
        let reads: Vec<u64> = (0..plan.keys)
            .map(|key| self.world.database.reads(key))
            .collect();
        self.ask_for_all().await;
        self.check_loads(&reads);
        for (&number, running) in &self.running {
            self.check_node(number, running);
        }
        self.world.history.take()
    }

    /// In calm weather, one load for each key.
    fn check_loads(&self, before: &[u64]) {
        let settings = &self.world.plan.settings;
        let has_reason = settings.tiny
            || settings.life.is_some()
            || settings.straying > 0
            || settings.unanswered > 0;
        if has_reason || settings.failing > 0 || settings.hanging > 0 {
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

    fn check_node(&self, number: usize, running: &Running) {
        let (usage, stats) = (running.group.usage(), running.group.stats());
        let broken = |rule: String| self.world.history.add(Event::Broken(rule));
        if usage.bytes > usage.budget {
            let (bytes, budget) = (usage.bytes, usage.budget);
            broken(format!(
                "n{number} holds {bytes} bytes in a budget of {budget}"
            ));
        }
        for peer in running.node.report().ring.peers {
            if peer.is_behind {
                let peer = peer.member.id();
                broken(format!("n{number} has yet to tell {peer} of changes"));
            }
        }
        let counted = Outcomes {
            found: stats.main_hits
                + stats.hot_hits
                + stats.stale_hits
                + stats.fetched
                + stats.loaded,
            not_found: stats.not_found,
            failed: stats.failed,
        };
        let seen = *running.outcomes.lock();
        if counted != seen {
            broken(format!(
                "n{number} counted {counted:?}, where its clients saw {seen:?}"
            ));
        }
    }
}

/// The longest time that an operation takes.
fn longest(what: &What) -> Duration {
    let exchanges = |count| count * REQUEST_TIMEOUT + MARGIN;
    match what {
        What::Peek { .. } => exchanges(1),
        // With the key's owner and both of its stand-ins.
        What::Get { .. } | What::WarmUp { .. } => exchanges(3) + LOAD,
        // As long as each exchange brings some, there is another one.
        What::GetMany { .. } => exchanges(9) + LOAD,
        _ => QUEUE,
    }
}

/// The longest time that a change takes: it goes to a key's owners, then to all others, then to who has joined meanwhile, and
/// then they hear who was not reached.
const LONGEST_CHANGE: Duration = Duration::from_secs(4 * REQUEST_TIMEOUT.as_secs());

fn coherence(plan: &Plan) -> CoherenceOptions {
    let options = CoherenceOptions::default();
    let options = match plan.settings.exchanges {
        true => options,
        false => options.exchange_interval(Duration::ZERO),
    };
    match plan.settings.short_log {
        Some(bytes) => options.change_log_bytes(bytes),
        None => options,
    }
}

struct Client {
    number: usize,
    node: Node,
    group: Group,
    world: World,
    outcomes: Arc<Mutex<Outcomes>>,
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
        let called = self.world.history.called();
        let options = GetOptions::default().mode(mode);
        let got = self.group.get_with_options(name(key), options).await;
        let is_peek = mode == Mode::Peek;
        self.got(key, called, is_peek, got.map(groupcache::Entry::into_value));
    }

    async fn get_many(&self, keys: &[usize]) {
        let called = self.world.history.called();
        let answers = self.group.get_many(keys.iter().map(|key| name(*key))).await;
        for (key, got) in keys.iter().zip(answers) {
            self.got(*key, called, false, got);
        }
    }

    fn got(&self, key: usize, called: Called, is_peek: bool, got: Result<ByteView, Error>) {
        let mut outcomes = self.outcomes.lock();
        match &got {
            Ok(_) => outcomes.found += 1,
            Err(error) if error.is_not_found() => outcomes.not_found += 1,
            Err(_) => outcomes.failed += 1,
        }
        let outcome = got
            .map(|value| held(key, &value))
            .map_err(|error| error.to_string());
        let (node, written) = (self.number, self.world.database.version(key));
        self.world.history.add(Event::Read(Read {
            node,
            key,
            called,
            is_peek,
            outcome,
            written,
        }));
    }

    async fn write(&self, keys: &[usize], tell: Tell) {
        let locked = match self.world.plan.settings.takes_turns {
            true => Some(self.world.database.lock(keys).await),
            false => None,
        };
        let called = self.world.history.now();
        let versions: Vec<_> = keys
            .iter()
            .map(|&key| (key, self.world.database.write(key)))
            .collect();
        let members: Vec<usize> = self.node.peers().iter().map(number).collect();
        let lists = self.world.lists.lock().changes;
        let change = async {
            match tell {
                Tell::Set => {
                    let (key, version) = versions[0];
                    let (now, life) = (self.world.history.now(), self.world.plan.settings.life);
                    let value = value(key, version, now, life);
                    self.group.set(name(key), value).await
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
        let took = self.world.history.now() - called;
        if took > LONGEST_CHANGE + MARGIN {
            let rule = format!("n{} has told of a change for {took:?}", self.number);
            self.world.history.add(Event::Broken(rule));
        }
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
        {
            let now = self.world.lists.lock();
            if self.world.plan.is_quiet() && not_told.is_empty() && now.changes == lists {
                told = now.reached(&told);
            }
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
        Ok(value(number, version, self.history.now(), settings.life))
    }
}

/// The time of the simulation.
struct SimulatedClock;

impl Clock for SimulatedClock {
    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}
