use std::error::Error as StdError;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::Fuse;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::back_off::BackOff;
use super::left_out::{LeftOut, without};
use super::options::DiscoveryOptions;
use super::settling::Settling;
use super::status::DiscoveryStatus;
use super::troubles::{Trouble, Troubles};
use super::usable::usable;
use crate::{Discovery, Error, Member, MemberLists, Protocol, Router};

/// Lets a [`Router`] follow a source of members. One task owns the source: it announces the node, takes one list after
/// the other, and takes the announcement back at the end.
///
/// - The first list counts at once. Later ones count after [`debounce`](DiscoveryOptions::debounce), and drop a member
///   after [`removal_grace`](DiscoveryOptions::removal_grace).
/// - An error, an empty list, or one that no ring can be made of changes nothing. The log is told once, and the source is
///   asked again after a [`back_off`](DiscoveryOptions::back_off). No member is dropped until a good list has come, and then
///   those that it lacks after a [`recovery_grace`](DiscoveryOptions::recovery_grace).
/// - A member that this node cannot dial, such as one with `https` where the node has no TLS, is left out of its list. The
///   log is told once for each change of those. The others count. One that was dialled at another URL before is missing.
///   A list of which nobody is left is one that no ring can be made of.
/// - All nodes that hear the same list have the same ring, because it is put in the order of the ids.
/// - A node that is to be on its own ring is so whether the list has it or not. It is announced again after an error, and
///   when a list lacks it. Under its id counts its own URL, whatever the list says. A list that has its URL under another
///   id alone is refused; beside its own id that entry is left out.
/// - A node that is not on its own ring is not announced either: the source lets it [observe](Discovery::observe).
///
/// When the driver is dropped, its task takes the announcement back and ends.
#[derive(Debug)]
pub struct DiscoveryDriver {
    state: watch::Receiver<State>,
    router: Arc<Router>,
    /// Tells the task to leave, also by being dropped.
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    options: DiscoveryOptions,
    /// The kind of the source.
    source: &'static str,
}

/// What the task tells.
#[derive(Clone, Debug, Default)]
struct State {
    joined: bool,
    /// When the latest list came that could be used.
    heard: Option<Instant>,
    /// Whether a list has counted.
    begun: bool,
    failing: bool,
    last_error: Option<String>,
    /// How many members of the latest list are left out.
    left_out: usize,
    /// The last of them, with the reason.
    last_left_out: Option<String>,
}

impl DiscoveryDriver {
    /// Lets `router` follow `source`. The ids of members are those of `protocol`; `include_self` says whether the node
    /// is on its own ring. The members that the router has count until the first list.
    ///
    /// # Errors
    ///
    /// Those of [`DiscoveryOptions::validate`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(
        source: impl Discovery,
        router: Arc<Router>,
        protocol: Protocol,
        include_self: bool,
        options: DiscoveryOptions,
    ) -> Result<Self, Error> {
        options.validate()?;
        let kind = source.kind();
        let (state, told) = watch::channel(State::default());
        let (stop, stopping) = watch::channel(false);
        let follower = Follower {
            router: Arc::clone(&router),
            protocol,
            include_self,
            settling: Settling::new(options.clone()),
            troubles: Troubles::default(),
            left_out: LeftOut::default(),
            join: BackOff::new(options.back_off, options.max_back_off),
            join_at: Some(Instant::now()),
            ask: BackOff::new(options.back_off, options.max_back_off),
            ask_at: Instant::now(),
            state,
        };
        let task = tokio::spawn(drive(source, follower, options.clone(), stopping));
        Ok(Self {
            state: told,
            router,
            stop,
            task,
            options,
            source: kind,
        })
    }

    /// How the node stands with its source.
    pub fn status(&self) -> DiscoveryStatus {
        let state = self.state.borrow().clone();
        DiscoveryStatus {
            source: self.source,
            members: self.router.members(),
            joined: state.joined,
            age: state.heard.map(|heard| heard.elapsed()),
            failing: state.failing,
            last_error: state.last_error,
            left_out: state.left_out,
            last_left_out: state.last_left_out,
        }
    }

    /// Waits until the first list counts, at most for [`first_list_timeout`](DiscoveryOptions::first_list_timeout), and
    /// says whether it does.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn first_list(&self) -> bool {
        let mut state = self.state.clone();
        let begun = timeout(
            self.options.first_list_timeout,
            state.wait_for(|state| state.begun),
        );
        matches!(begun.await, Ok(Ok(_)))
    }

    /// Takes the announcement back, within [`leave_timeout`](DiscoveryOptions::leave_timeout), and gives the peers
    /// [`linger`](DiscoveryOptions::linger) to hear of it. The members stay as they are from now on.
    ///
    /// # Cancel safety
    ///
    /// The announcement is taken back also if the future is dropped on the way.
    pub async fn leave(mut self) {
        self.stop.send_replace(true);
        // An error is a panic of the task, which the log has been told of.
        _ = (&mut self.task).await;
        sleep(self.options.linger).await;
    }

    /// Ends at once and leaves the announcement as it is, as a process that dies.
    pub fn abort(self) {
        self.task.abort();
    }
}

/// The shortest time between two questions, so that a source that is always ready keeps no thread busy.
const BREATHER: Duration = Duration::from_millis(1);

/// Follows the source until it is told to stop, then leaves.
async fn drive(
    mut source: impl Discovery,
    mut follower: Follower,
    options: DiscoveryOptions,
    mut stop: watch::Receiver<bool>,
) {
    let this = follower.router.this().clone();
    let following = follow(&mut source, &mut follower, options.join_timeout);
    let followed = tokio::select! {
        biased;
        // An error is the end of the driver, which means the same.
        _ = stop.wait_for(|stop| *stop) => Ok(()),
        followed = AssertUnwindSafe(following).catch_unwind() => followed,
    };
    if followed.is_err() {
        follower.panicked();
    }
    if !follower.include_self {
        return;
    }
    let leaving =
        AssertUnwindSafe(async { timeout(options.leave_timeout, source.leave(&this)).await });
    match leaving.catch_unwind().await {
        Ok(Ok(Ok(()))) => tracing::info!(node = %this, "this node has left the source of members"),
        Ok(Ok(Err(error))) => cannot_leave(&this, &with_causes(&error)),
        Ok(Err(_)) => cannot_leave(&this, "it takes too long"),
        Err(_) => cannot_leave(&this, "the source panicked"),
    }
    follower.state.send_modify(|state| state.joined = false);
}

fn cannot_leave(this: &Member, error: &str) {
    tracing::warn!(node = %this, error, "this node's announcement could not be taken back");
}

/// Takes one list after the other, and announces the node when it is time. The lists go on meanwhile, and no timer drops
/// what the source has under way: they are a stream, which keeps its place.
async fn follow(source: &mut impl Discovery, follower: &mut Follower, join_timeout: Duration) {
    let this = follower.router.this().clone();
    let include_self = follower.include_self;
    let mut lists = source.lists().fuse();
    loop {
        let join_at = follower.join_at;
        tokio::select! {
            biased;
            () = at(join_at) => {}
            () = follower.listen(&mut lists) => continue,
        }
        // Who asks for an announcement while this one is under way asks for another one.
        follower.join_at = None;
        let joining = joined(source, &this, include_self, join_timeout);
        tokio::pin!(joining);
        let result = loop {
            tokio::select! {
                biased;
                result = &mut joining => break result,
                () = follower.listen(&mut lists) => {}
            }
        };
        follower.joined(result);
    }
}

async fn joined(
    source: &mut impl Discovery,
    this: &Member,
    include_self: bool,
    limit: Duration,
) -> Result<(), Error> {
    let (joining, what) = if include_self {
        (source.join(this), "the announcement of this node")
    } else {
        (source.observe(this), "observing the others")
    };
    let joined = timeout(limit, joining).await;
    joined.unwrap_or_else(|_| Err(Error::timed_out(what, limit)))
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// The router's side of the task.
#[derive(Debug)]
struct Follower {
    router: Arc<Router>,
    protocol: Protocol,
    include_self: bool,
    settling: Settling,
    troubles: Troubles,
    left_out: LeftOut,
    join: BackOff,
    /// When the node is announced, or let to observe, unless it is.
    join_at: Option<Instant>,
    ask: BackOff,
    /// The earliest time of the next question.
    ask_at: Instant,
    state: watch::Sender<State>,
}

impl Follower {
    /// Waits for the next word of the source, or for the next moment at which one counts.
    async fn listen(&mut self, lists: &mut Fuse<MemberLists>) {
        let (due, ask_at) = (self.settling.due(), self.ask_at);
        tokio::select! {
            biased;
            () = at(due) => self.settle(),
            said = async { sleep_until(ask_at).await; lists.next().await } => {
                let end = || Err(Error::discovery("the source of members", "its lists have ended"));
                self.heard(said.unwrap_or_else(end));
            }
        }
    }

    fn joined(&mut self, result: Result<(), Error>) {
        match result {
            Ok(()) => {
                self.troubles.over(Trouble::Join);
                let joined = self.include_self;
                self.state.send_modify(|state| state.joined = joined);
            }
            Err(error) => {
                let again = Instant::now() + self.join.pause();
                self.join_at = Some(self.join_at.map_or(again, |at| at.min(again)));
                self.failed(Trouble::Join, with_causes(&error));
            }
        }
    }

    fn heard(&mut self, result: Result<Vec<Member>, Error>) {
        match result {
            Err(error) => self.doubt(Trouble::Error, with_causes(&error)),
            Ok(list) if list.is_empty() => {
                self.doubt(
                    Trouble::Empty,
                    "the source says that there are no members".into(),
                );
            }
            Ok(list) => match self.usable(list) {
                Ok(list) => self.listed(list),
                Err(error) => self.doubt(Trouble::Unusable, with_causes(&error)),
            },
        }
    }

    fn usable(&mut self, list: Vec<Member>) -> Result<Vec<Member>, Error> {
        let list = usable(list, self.router.this(), self.protocol)?;
        let mut refused = self.router.refused(&list);
        let list = without(list, &refused);
        self.leave_out(&refused);
        match refused.pop() {
            Some((_, reason)) if list.is_empty() => Err(reason),
            _ => Ok(list),
        }
    }

    /// Tells the log and the status of members that this node cannot dial.
    fn leave_out(&mut self, refused: &[(Member, Error)]) {
        let last = refused.last();
        let last = last.map(|(member, reason)| format!("{member}: {}", with_causes(reason)));
        if self.left_out.is_news(refused) {
            tracing::warn!(
                node = %self.router.this(),
                left_out = refused.len(),
                last,
                "members that this node cannot dial are left out of the source's list"
            );
        }
        self.state.send_modify(|state| {
            state.left_out = refused.len();
            state.last_left_out = last;
        });
    }

    fn listed(&mut self, mut list: Vec<Member>) {
        let now = Instant::now();
        self.ask.reset();
        self.ask_at = now + BREATHER;
        if self.include_self {
            self.include_self_in(&mut list, now);
        }
        self.settling.heard(list, &self.router.listed(), now);
        for trouble in [Trouble::Error, Trouble::Empty] {
            self.troubles.over(trouble);
        }
        self.state.send_modify(|state| {
            state.heard = Some(now);
            state.failing = false;
        });
    }

    /// Puts this node into a list that lacks it, and lets it be announced again.
    fn include_self_in(&mut self, list: &mut Vec<Member>, now: Instant) {
        let this = self.router.this();
        match list.binary_search_by(|member| member.id().cmp(this.id())) {
            Ok(_) => self.join.reset(),
            Err(place) => {
                list.insert(place, this.clone());
                self.join_at.get_or_insert(now + self.join.pause());
            }
        }
    }

    fn settle(&mut self) {
        if let Some(members) = self.settling.settle(&self.router.listed(), Instant::now())
            && let Err(error) = self.router.set_members(members)
        {
            self.doubt(Trouble::Unusable, with_causes(&error));
            return;
        }
        self.troubles.over(Trouble::Unusable);
        self.state.send_modify(|state| state.begun = true);
    }

    /// The source is in trouble: nobody is dropped, and it is asked again after a pause.
    fn doubt(&mut self, trouble: Trouble, error: String) {
        self.settling.doubt();
        self.ask_at = Instant::now() + self.ask.pause();
        self.join_at.get_or_insert(self.ask_at);
        self.failed(trouble, error);
    }

    fn failed(&mut self, trouble: Trouble, error: String) {
        if self.troubles.is_news(trouble, Instant::now()) {
            tracing::warn!(
                node = %self.router.this(),
                error,
                "trouble with the source of members, which stay as they are"
            );
        }
        self.state.send_modify(|state| {
            state.failing |= trouble != Trouble::Join;
            state.last_error = Some(error);
        });
    }

    fn panicked(&self) {
        let error = "the source of members panicked, and is not asked any more";
        tracing::error!(node = %self.router.this(), error);
        self.state.send_modify(|state| {
            state.failing = true;
            state.last_error = Some(error.into());
        });
    }
}

/// The error's text with those of its causes.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
