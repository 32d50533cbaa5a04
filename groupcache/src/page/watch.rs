use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::history::{History, INTERVAL};
use super::options::LivePageOptions;
use super::snapshot::Snapshot;
use crate::Node;
use crate::node::WeakNode;

/// The time between two updates of those who look, and between two checks of the peers.
const TICK: Duration = Duration::from_secs(1);

/// Somebody who has asked for the page looks at it for so long.
const LOOK: Duration = Duration::from_secs(5);

/// The most peers that are checked at once.
const CHECKS_AT_ONCE: usize = 16;

/// Looks at a node: every few seconds for its history, and every second for those who look at the page. While somebody
/// does, it also has the node check its peers.
pub(super) struct Watch(Arc<Inner>);

struct Inner {
    options: LivePageOptions,
    history: Mutex<History>,
    /// The last request for the page.
    last_look: Mutex<Option<Instant>>,
    /// One permit for each viewer whose page updates by itself.
    viewers: Arc<Semaphore>,
    /// What the viewers see.
    news: watch::Sender<News>,
    /// Whether a round of checks is under way.
    checks: AtomicBool,
}

#[derive(Clone, Debug)]
enum News {
    /// Nobody looks, and so no snapshot is kept.
    None,
    Latest(Arc<Snapshot>),
    /// The node is gone.
    Over,
}

/// Somebody whose page updates by itself.
pub(super) struct Viewer {
    news: watch::Receiver<News>,
    _permit: OwnedSemaphorePermit,
}

impl Viewer {
    /// The next snapshot; `None` once the node or the page is gone.
    pub(super) async fn next(&mut self) -> Option<Arc<Snapshot>> {
        loop {
            self.news.changed().await.ok()?;
            let news = self.news.borrow_and_update().clone();
            match news {
                News::None => {}
                News::Latest(snapshot) => return Some(snapshot),
                News::Over => return None,
            }
        }
    }
}

impl Watch {
    pub(super) fn new(options: LivePageOptions) -> Self {
        let viewers = options.max_viewers.min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            options,
            history: Mutex::default(),
            last_look: Mutex::default(),
            viewers: Arc::new(Semaphore::new(viewers)),
            news: watch::Sender::new(News::None),
            checks: AtomicBool::new(false),
        }))
    }

    /// Starts the task that looks at the node, which may have yet to start. It ends when the watch or the node is dropped.
    pub(super) fn begin(&self, node: WeakNode, runtime: &Handle) {
        runtime.spawn(run(Arc::downgrade(&self.0), node));
    }

    /// The node as it is now, for somebody who looks at the page.
    pub(super) fn look(&self, node: &Node) -> Snapshot {
        *self.0.last_look.lock() = Some(Instant::now());
        self.snapshot(node)
    }

    /// The node as it is now.
    pub(super) fn snapshot(&self, node: &Node) -> Snapshot {
        self.0.snapshot(node)
    }

    /// One more viewer; `None` if there are too many, or the node is gone.
    pub(super) fn join(&self) -> Option<Viewer> {
        let permit = Arc::clone(&self.0.viewers).try_acquire_owned().ok()?;
        let news = self.0.news.subscribe();
        // The end is told once.
        let is_over = matches!(*news.borrow(), News::Over);
        (!is_over).then_some(Viewer {
            news,
            _permit: permit,
        })
    }
}

async fn run(watch: Weak<Inner>, node: WeakNode) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut has_started, mut sampled) = (false, None::<Instant>);
    loop {
        ticks.tick().await;
        let Some(watch) = watch.upgrade() else { return };
        let Some(node) = node.node() else {
            if has_started {
                watch.news.send_replace(News::Over);
                return;
            }
            continue;
        };
        has_started = true;
        let now = Instant::now();
        // A tick that comes a little early counts, or the sample would be a whole tick late.
        if sampled.is_none_or(|last| now.duration_since(last) + TICK / 2 >= INTERVAL) {
            sampled = Some(now);
            watch.sample(now, &node);
        }
        watch.tell(&node);
        if watch.options.checks_peers && watch.is_looked_at(now) {
            watch.check_peers(&node);
        }
    }
}

impl Inner {
    fn sample(&self, now: Instant, node: &Node) {
        let groups = node.groups();
        let stats = groups.iter().map(|group| (group.name(), group.stats()));
        self.history.lock().sample(now, stats);
    }

    fn snapshot(&self, node: &Node) -> Snapshot {
        let (report, picture) = Snapshot::look_at(node);
        Snapshot::new(report, picture, &self.history.lock())
    }

    /// Brings the viewers up to date.
    fn tell(&self, node: &Node) {
        let has_viewers = self.news.receiver_count() > 0;
        self.news.send_replace(if has_viewers {
            News::Latest(Arc::new(self.snapshot(node)))
        } else {
            News::None
        });
    }

    fn is_looked_at(&self, now: Instant) -> bool {
        let last_look = *self.last_look.lock();
        self.news.receiver_count() > 0
            || last_look.is_some_and(|last| now.duration_since(last) < LOOK)
    }

    /// Checks all peers once, on a task, unless the last round still runs. The task does not keep the node.
    fn check_peers(self: Arc<Self>, node: &Node) {
        if self.checks.swap(true, Ordering::AcqRel) {
            return;
        }
        let round = Round(self);
        let mut routers = vec![Arc::clone(&node.0.host.router)];
        for group in node.groups() {
            if routers
                .iter()
                .all(|known| !Arc::ptr_eq(known, &group.0.router))
            {
                routers.push(Arc::clone(&group.0.router));
            }
        }
        tokio::spawn(async move {
            let _round = round;
            for router in routers {
                router.check_peers(CHECKS_AT_ONCE).await;
            }
        });
    }
}

/// A round of checks under way.
struct Round(Arc<Inner>);

impl Drop for Round {
    fn drop(&mut self) {
        self.0.checks.store(false, Ordering::Release);
    }
}
