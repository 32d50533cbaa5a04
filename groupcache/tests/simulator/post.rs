use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use groupcache::peers::{
    BoxFuture, ChangeId, Error, GetManyReply, GetManyRequest, GetRequest, Knowledge, KnownChange,
    Member, PeerClient, PeerService, RemoveRequest, Reply, SetRequest, Stamp, Transport,
};
use groupcache::{ByteView, Context};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use super::history::History;
use super::plan::{Plan, Settings};
use super::random::Random;

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

    /// What will happen to the next message.
    fn fate(&self, from: usize, to: usize) -> Fate {
        let mut sent = self.sent.lock();
        let number = sent.entry((from, to)).or_default();
        *number += 1;
        let mut random = Random::of(&[self.seed, 2, from as u64, to as u64, *number]);
        let settings = &self.settings;
        Fate {
            way: random.wait(settings.delay),
            way_back: random.wait(settings.delay),
            late: random.chance(settings.late),
            doubled: random
                .chance(settings.doubled)
                .then(|| random.wait(10 * settings.delay)),
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
}

/// The way from one node to another.
struct Line {
    post: Arc<Post>,
    from: usize,
    life: u64,
    to: usize,
}

/// A request, which asks a node.
type Ask<T> =
    Arc<dyn Fn(Arc<dyn PeerService>) -> BoxFuture<'static, Result<T, Error>> + Send + Sync>;

impl Line {
    /// Sends a request, and waits for its answer.
    async fn exchange<T: Send + 'static>(
        &self,
        what: String,
        may_double: bool,
        ask: Ask<T>,
    ) -> Result<T, Error> {
        let &Self { from, life, to, .. } = self;
        if !self.post.is_running(from, life) {
            // What a crashed node did is not heard of any more.
            return std::future::pending().await;
        }
        let mut fate = self.post.fate(from, to);
        fate.doubled = fate.doubled.filter(|_| may_double);
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

async fn deliver<T: Send + 'static>(
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
        () = post.end_of(to, life) => return, // the sender sees a connection that was reset
        result = served => result,
    };
    tokio::select! {
        biased;
        () = post.end_of(to, life) => {}
        () = post.travel(to, from, fate.way_back) => drop(answer.send(result)),
    }
}

/// The second arrival of a message. Nobody waits for its answer. Boxed, because `deliver` starts it.
fn again<T: Send + 'static>(
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
        let known = request.known.to_vec();
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
        Box::pin(self.exchange(what, true, ask))
    }

    fn get_many<'a>(
        &'a self,
        request: GetManyRequest<'a>,
    ) -> BoxFuture<'a, Result<GetManyReply, Error>> {
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
        Box::pin(self.exchange(what, true, ask))
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        let ask: Ask<()> = Arc::new(|_| Box::pin(async { Ok(()) }));
        Box::pin(self.exchange("ping".into(), false, ask))
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
        let (group, key, known) = (group.to_owned(), key.to_vec(), known.to_vec());
        let named = stamped(stamp);
        let what = format!(
            "set {} to {} {named}{}",
            name(&key),
            text(&value),
            knowing(&known)
        );
        let ask: Ask<()> = Arc::new(move |service| {
            let (group, key, known) = (group.clone(), key.clone(), known.clone());
            let value = value.clone();
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
        Box::pin(self.exchange(what, true, ask))
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let (group, stamp) = (request.group.to_owned(), request.stamp);
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
        Box::pin(self.exchange(what, true, ask))
    }

    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let group = group.to_owned();
        let ask: Ask<()> = Arc::new(move |service| {
            let group = group.clone();
            Box::pin(async move { service.clear(&group, stamp).await })
        });
        Box::pin(self.exchange(format!("clear {}", stamped(stamp)), true, ask))
    }

    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        let (named, unnamed) = (knowledge.changes.len(), knowledge.unnamed.len());
        let what = format!("sync: {named} changes, {unnamed} groups");
        let ask: Ask<Knowledge> = Arc::new(move |service| {
            let knowledge = knowledge.clone();
            Box::pin(async move { service.sync(knowledge).await })
        });
        Box::pin(self.exchange(what, true, ask))
    }

    fn note_behind<'a>(&'a self, members: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        let members: Vec<String> = members.iter().map(|id| (*id).to_owned()).collect();
        let what = format!("behind: {}", members.join(" "));
        let ask: Ask<()> = Arc::new(move |service| {
            let members = members.clone();
            Box::pin(async move {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                service.note_behind(&members).await
            })
        });
        Box::pin(self.exchange(what, true, ask))
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

fn text(value: &ByteView) -> String {
    let text = String::from_utf8_lossy(value).into_owned();
    text.split('.').next().unwrap_or_default().to_owned()
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
