use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use groupcache::Context;
use groupcache::peers::{
    BoxFuture, ChangeId, Error, GetManyReply, GetManyRequest, GetMode, GetRequest, Knowledge,
    KnownChange, Member, OfferRequest, PeerClient, PeerService, RemoveRequest, Reply, SetRequest,
    Stamp, Transport,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::history::{Event, History};
use super::plan::Plan;
use super::random::Random;
use super::settings::{Settings, Speech};
use super::value;

/// The most changes of a key that a node can take along.
const MOST_KNOWN: usize = 128;

/// How long a sender waits for an answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Carries the messages between nodes, and does to them what networks do: delays, losses, doubles, and messages that
/// arrive when their sender has long given up.
pub struct Post {
    seed: u64,
    settings: Settings,
    ways: Mutex<Ways>,
    /// Wakes those who wait for a change of the ways, in the order in which they began to.
    changed: Notify,
    /// The number of messages so far, by sender and receiver.
    sent: Mutex<HashMap<(usize, usize), u64>>,
    pub history: Arc<History>,
}

/// Who can be reached.
#[derive(Default)]
pub struct Ways {
    /// The nodes that run. The number tells a node from the one that ran there before it crashed.
    running: HashMap<usize, (u64, Weak<dyn PeerService>)>,
    cut: HashSet<(usize, usize)>,
    slow: HashMap<(usize, usize), Duration>,
}

impl Post {
    pub fn new(plan: &Plan, history: Arc<History>) -> Arc<Self> {
        Arc::new(Self {
            seed: plan.seed,
            settings: plan.settings,
            ways: Mutex::default(),
            changed: Notify::new(),
            sent: Mutex::default(),
            history,
        })
    }

    pub fn change(&self, change: impl FnOnce(&mut Ways)) {
        change(&mut self.ways.lock());
        self.changed.notify_waiters();
    }

    /// Waits until the ways are so.
    async fn wait_for(&self, is_so: impl Fn(&Ways) -> bool) {
        loop {
            // Made before the look, so that no change is missed.
            let changed = self.changed.notified();
            if is_so(&self.ways.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn is_running(&self, node: usize, life: u64) -> bool {
        self.ways.lock().runs(node, life)
    }

    /// Waits until the node is no longer what it was.
    async fn end_of(&self, node: usize, life: u64) {
        self.wait_for(|ways| !ways.runs(node, life)).await;
    }

    /// Waits as long as the way takes.
    async fn travel(&self, from: usize, to: usize, time: Duration) {
        let slow = self.ways.lock().slow.get(&(from, to)).copied();
        sleep(time + slow.unwrap_or_default()).await;
        self.wait_for(|ways| !ways.cut.contains(&(from, to))).await;
    }

    /// The end of an exchange with a node that is no more. Its sender sees a connection that was reset, or nothing.
    async fn reset<T>(&self, mut answer: oneshot::Sender<T>) {
        if self.settings.half_open {
            answer.closed().await;
        }
    }

    /// What will happen to the next message.
    fn fate(&self, from: usize, to: usize) -> Fate {
        let mut sent = self.sent.lock();
        let number = sent.entry((from, to)).or_default();
        *number += 1;
        let mut random = Random::of(&[self.seed, 2, from as u64, to as u64, *number]);
        let settings = &self.settings;
        let stray = match random.chance(settings.straying) {
            true => random.wait(3 * REQUEST_TIMEOUT),
            false => Duration::ZERO,
        };
        Fate {
            way: random.wait(settings.delay) + stray,
            way_back: random.wait(settings.delay),
            late: random.chance(settings.late),
            doubled: random
                .chance(settings.doubled)
                .then(|| random.wait(10 * settings.delay)),
            unanswered: random.chance(settings.unanswered),
        }
    }
}

impl Ways {
    fn runs(&self, node: usize, life: u64) -> bool {
        self.running.get(&node).is_some_and(|now| now.0 == life)
    }

    pub fn start(&mut self, node: usize, life: u64, service: Weak<dyn PeerService>) {
        self.running.insert(node, (life, service));
    }

    pub fn crash(&mut self, node: usize) {
        self.running.remove(&node);
    }

    pub fn cut(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    pub fn slow(&mut self, one: usize, other: usize, by: Duration) {
        self.slow.insert((one, other), by);
        self.slow.insert((other, one), by);
    }

    /// Cuts end.
    pub fn heal(&mut self) {
        self.cut.clear();
    }

    pub fn hurry(&mut self) {
        self.slow.clear();
    }
}

#[derive(Clone, Copy)]
struct Fate {
    way: Duration,
    way_back: Duration,
    /// Whether the message arrives, or goes on to be served, although its sender gave up.
    late: bool,
    /// How much later it arrives once more.
    doubled: Option<Duration>,
    /// Whether the message is served, and its answer lost.
    unanswered: bool,
}

impl Fate {
    /// The same for a message that comes once, and not when its sender has given up.
    fn punctual(self) -> Self {
        Self {
            late: false,
            doubled: None,
            ..self
        }
    }
}

/// How a node dials others.
pub struct Dialler {
    pub post: Arc<Post>,
    pub node: usize,
    pub life: u64,
}

/// The address of a node.
pub fn url(node: usize) -> String {
    format!("http://n{node}")
}

impl Transport for Dialler {
    fn dial(&self, member: &Member) -> Result<Arc<dyn PeerClient>, Error> {
        let to = member.url().trim_start_matches("http://n");
        let to = to
            .parse()
            .map_err(|error| Error::unreachable(member.url(), error))?;
        Ok(Arc::new(Line {
            post: Arc::clone(&self.post),
            from: self.node,
            life: self.life,
            to,
        }))
    }

    fn request_timeout(&self) -> Option<Duration> {
        Some(REQUEST_TIMEOUT)
    }

    fn names_changes(&self) -> bool {
        self.post.settings.names_changes()
    }
}

/// The way from one node to another.
struct Line {
    post: Arc<Post>,
    from: usize,
    life: u64,
    to: usize,
}

/// What a node answers. The values in it get older on the way.
trait Answer: Send + 'static {
    fn age(&mut self, _by: Duration) {}

    /// Drops what a dialect has no words for.
    fn simplify(&mut self) {}
}

impl Answer for () {}

impl Answer for Knowledge {}

impl Answer for Reply {
    fn age(&mut self, by: Duration) {
        self.value = value::aged(&self.value, by);
    }

    fn simplify(&mut self) {
        self.state = None;
    }
}

impl Answer for GetManyReply {
    fn age(&mut self, by: Duration) {
        for reply in self.answers.iter_mut().flatten().flatten() {
            reply.age(by);
        }
    }
}

/// A request, which asks a node.
type Ask<T> =
    Arc<dyn Fn(Arc<dyn PeerService>) -> BoxFuture<'static, Result<T, Error>> + Send + Sync>;

impl Line {
    fn names_changes(&self) -> bool {
        self.post.settings.names_changes()
    }

    /// The name of a change, as far as it is told.
    fn name_of(&self, stamp: Option<Stamp>) -> Option<Stamp> {
        stamp.filter(|_| self.names_changes())
    }

    /// The known changes, as far as they are told.
    fn named(&self, known: &[KnownChange]) -> Vec<KnownChange> {
        match self.names_changes() {
            true => known.to_vec(),
            false => Vec::new(),
        }
    }

    /// Sends a request, and waits for its answer.
    async fn exchange<T: Answer>(&self, what: String, ask: Ask<T>) -> Result<T, Error> {
        self.exchange_so(what, ask, |fate| fate).await
    }

    /// The same for a message with which networks can do less.
    async fn exchange_so<T: Answer>(
        &self,
        what: String,
        ask: Ask<T>,
        so: impl FnOnce(Fate) -> Fate,
    ) -> Result<T, Error> {
        let &Self { from, life, to, .. } = self;
        if !self.post.is_running(from, life) {
            // What a crashed node did is not heard of any more.
            return std::future::pending().await;
        }
        let fate = so(self.post.fate(from, to));
        let (answer, answered) = oneshot::channel();
        let post = Arc::clone(&self.post);
        tokio::spawn(deliver(post, (from, to), fate, what, ask, answer));
        match timeout(REQUEST_TIMEOUT, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::disconnected(url(to), "the connection was reset")),
            Err(_) => Err(Error::timed_out("the answer", REQUEST_TIMEOUT)),
        }
    }
}

async fn deliver<T: Answer>(
    post: Arc<Post>,
    (from, to): (usize, usize),
    fate: Fate,
    what: String,
    ask: Ask<T>,
    mut answer: oneshot::Sender<Result<T, Error>>,
) {
    let arrival = post.travel(from, to, fate.way);
    tokio::select! {
        biased;
        () = answer.closed(), if !fate.late => return,
        () = arrival => {}
    }
    let target = post.ways.lock().running.get(&to).cloned();
    let Some((life, Some(service))) = target.map(|(life, service)| (life, service.upgrade()))
    else {
        if post.settings.half_open {
            answer.closed().await;
        }
        let _ = answer.send(Err(Error::unreachable(url(to), "connection refused")));
        return;
    };
    post.history.message(from, to, &what);
    if let Some(later) = fate.doubled {
        let (post, ask, what) = (
            Arc::clone(&post),
            Arc::clone(&ask),
            format!("{what} (again)"),
        );
        let fate = Fate {
            way: later,
            late: true,
            doubled: None,
            ..fate
        };
        tokio::spawn(again(post, (from, to), fate, what, ask));
    }
    let served = Context::default().scope(ask(service));
    let result = tokio::select! {
        biased;
        () = answer.closed(), if !fate.late => return,
        () = post.end_of(to, life) => return post.reset(answer).await,
        result = served => result,
    };
    if fate.unanswered {
        let lost = format!("the answer to {what} is lost");
        post.history.message(to, from, &lost);
        answer.closed().await;
        return;
    }
    let sent = Instant::now();
    tokio::select! {
        biased;
        () = post.end_of(to, life) => post.reset(answer).await,
        () = post.travel(to, from, fate.way_back) => {
            let result = result.map(|mut result| {
                result.age(sent.elapsed());
                if !post.settings.names_changes() {
                    result.simplify();
                }
                result
            });
            drop(answer.send(result));
        }
    }
}

/// The second arrival of a message. Nobody waits for its answer. Boxed, because `deliver` starts it.
fn again<T: Answer>(
    post: Arc<Post>,
    way: (usize, usize),
    fate: Fate,
    what: String,
    ask: Ask<T>,
) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(deliver(post, way, fate, what, ask, oneshot::channel().0))
}

impl PeerClient for Line {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        let (group, key, mode) = (request.group.to_owned(), request.key.to_vec(), request.mode);
        if mode == GetMode::Peek && !self.names_changes() {
            return Box::pin(async { Err(Error::unsupported("peek", "dialect")) });
        }
        let known = self.named(request.known);
        if known.len() > MOST_KNOWN {
            let rule = format!("n{} knows of {} changes of a key", self.from, known.len());
            self.post.history.add(Event::Broken(rule));
        }
        let what = format!("get {} ({mode:?}){}", name(&key), knowing(&known));
        let ask: Ask<Reply> = Arc::new(move |service| {
            let (group, key, known) = (group.clone(), key.clone(), known.clone());
            Box::pin(async move {
                let (group, key, known) = (&*group, &*key, &*known);
                service
                    .get(GetRequest {
                        group,
                        key,
                        mode,
                        known,
                    })
                    .await
            })
        });
        Box::pin(self.exchange(what, ask))
    }

    fn get_many<'a>(
        &'a self,
        request: GetManyRequest<'a>,
    ) -> BoxFuture<'a, Result<GetManyReply, Error>> {
        if !self.names_changes() {
            return Box::pin(async { Err(Error::unsupported("get many", "dialect")) });
        }
        let (group, mode) = (request.group.to_owned(), request.mode);
        let known = request.known.to_vec();
        let keys: Vec<Vec<u8>> = request.keys.iter().map(|key| key.to_vec()).collect();
        let what = format!("get many {} ({} changes known)", names(&keys), known.len());
        let ask: Ask<GetManyReply> = Arc::new(move |service| {
            let (group, keys, known) = (group.clone(), keys.clone(), known.clone());
            Box::pin(async move {
                let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                let (group, keys, known) = (&*group, &*keys, &*known);
                service
                    .get_many(GetManyRequest {
                        group,
                        keys,
                        mode,
                        known,
                    })
                    .await
            })
        });
        Box::pin(self.exchange(what, ask))
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        let ask: Ask<()> = Arc::new(|_| Box::pin(async { Ok(()) }));
        Box::pin(self.exchange_so("ping".into(), ask, Fate::punctual))
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let SetRequest {
            group,
            key,
            value,
            expiry,
            stamp,
            known,
        } = request;
        let (group, key, known) = (group.to_owned(), key.to_vec(), self.named(known));
        let (stamp, sent) = (self.name_of(stamp), Instant::now());
        let named = stamped(stamp);
        let what = format!(
            "set {} to {} {named}{}",
            name(&key),
            value::short(&value),
            knowing(&known)
        );
        let ask: Ask<()> = Arc::new(move |service| {
            let (group, key, known) = (group.clone(), key.clone(), known.clone());
            let value = value::aged(&value, sent.elapsed());
            Box::pin(async move {
                let request = SetRequest {
                    group: &group,
                    key: &key,
                    value,
                    expiry,
                    stamp,
                    known: &known,
                };
                service.set(request).await
            })
        });
        let names_changes = self.names_changes();
        Box::pin(
            self.exchange_so(what, ask, move |fate| match names_changes {
                true => fate,
                false => fate.punctual(),
            }),
        )
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let (group, stamp) = (request.group.to_owned(), self.name_of(request.stamp));
        let keys: Vec<Vec<u8>> = request.keys.iter().map(|key| key.to_vec()).collect();
        let what = format!("remove {} {}", names(&keys), stamped(stamp));
        let ask: Ask<()> = Arc::new(move |service| {
            let (group, keys) = (group.clone(), keys.clone());
            Box::pin(async move {
                let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                let (group, keys) = (&*group, &*keys);
                service.remove(RemoveRequest { group, keys, stamp }).await
            })
        });
        Box::pin(self.exchange(what, ask))
    }

    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        if self.post.settings.speech == (Speech::Dialect { clears: false }) {
            return Box::pin(async { Err(Error::unsupported("clear", "dialect")) });
        }
        let (group, stamp) = (group.to_owned(), self.name_of(stamp));
        let ask: Ask<()> = Arc::new(move |service| {
            let group = group.clone();
            Box::pin(async move { service.clear(&group, stamp).await })
        });
        Box::pin(self.exchange(format!("clear {}", stamped(stamp)), ask))
    }

    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        if !self.names_changes() {
            return Box::pin(async { Err(Error::unsupported("sync", "dialect")) });
        }
        let (named, unnamed) = (knowledge.changes.len(), knowledge.unnamed.len());
        let what = format!("sync: {named} changes, {unnamed} groups");
        let ask: Ask<Knowledge> = Arc::new(move |service| {
            let knowledge = knowledge.clone();
            Box::pin(async move { service.sync(knowledge).await })
        });
        Box::pin(self.exchange(what, ask))
    }

    fn note_behind<'a>(&'a self, members: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        if !self.names_changes() {
            return Box::pin(async { Err(Error::unsupported("note behind", "dialect")) });
        }
        let members: Vec<String> = members.iter().map(|id| (*id).to_owned()).collect();
        let what = format!("behind: {}", members.join(" "));
        let ask: Ask<()> = Arc::new(move |service| {
            let members = members.clone();
            Box::pin(async move {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                service.note_behind(&members).await
            })
        });
        Box::pin(self.exchange(what, ask))
    }

    fn offer<'a>(&'a self, request: OfferRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        if !self.names_changes() {
            return Box::pin(async { Err(Error::unsupported("offer", "dialect")) });
        }
        let (member, group) = (request.member.to_owned(), request.group.to_owned());
        let keys: Vec<Vec<u8>> = request.keys.iter().map(|key| key.to_vec()).collect();
        let what = format!("offer {}", names(&keys));
        let ask: Ask<()> = Arc::new(move |service| {
            let (member, group, keys) = (member.clone(), group.clone(), keys.clone());
            Box::pin(async move {
                let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                let (member, group, keys) = (&*member, &*group, &*keys);
                let offer = OfferRequest {
                    member,
                    group,
                    keys,
                };
                service.offer(offer).await
            })
        });
        Box::pin(self.exchange(what, ask))
    }
}

/// The name of a change, short enough to read.
fn short(id: ChangeId) -> String {
    format!("{:04x}:{}", id.origin & 0xffff, id.number)
}

fn stamped(stamp: Option<Stamp>) -> String {
    stamp.map_or_else(|| "unnamed".into(), |stamp| short(stamp.id))
}

fn knowing(known: &[KnownChange]) -> String {
    let names: Vec<_> = known.iter().map(|change| short(change.id)).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" knowing {}", names.join(" ")),
    }
}

fn name(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

fn names(keys: &[Vec<u8>]) -> String {
    let names: Vec<_> = keys.iter().map(|key| name(key)).collect();
    names.join(" ")
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dialler(n{})", self.node)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line(n{} to n{})", self.from, self.to)
    }
}
