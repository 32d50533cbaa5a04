use std::fmt;
use std::sync::Arc;

use peers::Member;

use super::name;
#[cfg(feature = "disk")]
use super::on_disk;
use crate::getter::BoxedGetter;
use crate::group::absences::Absences;
use crate::group::change::PassedOn;
use crate::group::clocks;
use crate::group::failures::Failures;
use crate::group::flights::Flights;
use crate::group::handle::Group;
use crate::group::hedges::Hedges;
use crate::group::inner::Inner;
use crate::group::limits::Limits;
use crate::group::moments::Moments;
use crate::group::node_runtime::NodeRuntime;
use crate::group::places::Places;
use crate::group::stand_ins::StandIns;
use crate::group::standby::Standby;
use crate::group::turns::{LoadBound, Turns};
use crate::lifetime::Freshness;
use crate::node::{Host, members};
use crate::promoter::Promotion;
use crate::stats::{Counters, Measures};
use crate::store::StorageSettings;
use crate::{Error, Getter};

/// The settings of a group to be. Made by [`Node::group`](crate::Node::group); for a `G` that is a
/// [`TypedGroup`](crate::TypedGroup), by [`Node::typed_group`](crate::Node::typed_group).
///
/// Every setting has a default. [`build`](Self::build) checks them all.
#[must_use = "a group exists once it is built"]
pub struct GroupBuilder<G = Group> {
    pub(super) host: Arc<Host>,
    name: String,
    getter: Box<dyn BoxedGetter>,
    pub(super) freshness: Freshness,
    pub(super) promotion: Promotion,
    pub(super) storage: StorageSettings,
    pub(super) limits: Limits,
    pub(super) standby: bool,
    pub(super) hedge_after: Option<f64>,
    /// `None`: those of the node.
    peers: Option<Result<Vec<Member>, peers::Error>>,
    /// Makes the type in which the group is handed out.
    handle: Box<dyn FnOnce(Group) -> G + Send + Sync>,
}

impl<G> GroupBuilder<G> {
    pub(crate) fn new(
        host: Arc<Host>,
        name: String,
        budget: usize,
        getter: impl Getter,
        handle: impl FnOnce(Group) -> G + Send + Sync + 'static,
    ) -> Self {
        let limits = Limits {
            node_has_max_loads: host.load_bound.is_some(),
            ..Limits::default()
        };
        Self {
            host,
            name,
            getter: Box::new(getter),
            freshness: Freshness::default(),
            promotion: Promotion::default(),
            storage: StorageSettings::new(budget),
            limits,
            standby: false,
            hedge_after: None,
            peers: None,
            handle: Box::new(handle),
        }
    }

    /// The members among which this group's keys are shared out, in place of the node's. This node
    /// need not be listed, unless it [was left out](crate::NodeBuilder::include_self). An id that is also one of
    /// the node's members means the same member, at the same URL. Later changes of the node's members do not reach this group.
    pub fn peers<M>(mut self, peers: impl IntoIterator<Item = M>) -> Self
    where
        M: TryInto<Member>,
        peers::Error: From<M::Error>,
    {
        self.peers = Some(members(peers));
        self
    }

    /// Makes the group, and lets peers ask for it.
    ///
    /// # Errors
    ///
    /// [`Error::is_group_exists`] when the node has a group of that name.
    /// [`Error::is_configuration`] when the name is empty, longer than 1 KiB or contains a slash,
    /// which no wire format of the family can carry; when a setting is outside its limits; when two
    /// settings contradict each other. The text names the settings, and nothing has changed.
    pub fn build(self) -> Result<G, Error> {
        self.check()?;
        let names_changes = self.names_changes();
        let host = &self.host;
        let router = match self.peers {
            None => Arc::clone(&host.router),
            Some(peers) => {
                let router = host.router.sibling();
                router.set_members(host.with_self(peers?))?;
                Arc::new(router)
            }
        };
        let aging = self.freshness.aging;
        let runtime = NodeRuntime::new(host.runtime.clone());
        let load_bounds = [
            self.limits.max_loads.and_then(LoadBound::of_group),
            host.load_bound.clone(),
        ];
        let flights = || Flights::new(self.limits.max_flights, runtime.clone());
        let (standby, stored) = (self.standby && names_changes).then(Standby::new).unzip();
        let below = self.storage.below(&self.name, host);
        let group = Group(Arc::new_cyclic(|this| Inner {
            name: self.name.into(),
            store: self.storage.open(aging, Arc::clone(&host.clock), below),
            fetches: flights(),
            loads: flights(),
            getter: self.getter,
            rates: self.promotion.rates(host.clock.now()),
            promoter: self.promotion.promoter,
            router,
            counters: Counters::default(),
            measures: Measures::default(),
            clock: Arc::clone(&host.clock),
            freshness: Freshness {
                wall_clock: host.wall_clock.clone(),
                ..self.freshness
            },
            moments: Moments::new({
                let (group, runtime) = (this.clone(), host.runtime.clone());
                move || drop(runtime.spawn(clocks::watch(group.clone())))
            }),
            standby,
            hedges: self.hedge_after.filter(|_| names_changes).map(Hedges::new),
            limits: self.limits,
            request_timeout: host.request_timeout,
            coherence: Arc::clone(host.groups.coherence()),
            passed_on: PassedOn::default(),
            names_changes,
            failures: Failures::new(self.limits.pauses),
            turns: Turns::new(load_bounds, self.limits.load_queue_timeout),
            absences: Absences::new(self.freshness.not_found_ttl),
            refreshes: Places::new(self.limits.max_refreshes),
            key_mask: host.key_mask.clone(),
            runtime: runtime.clone(),
        }));
        host.groups.add(&group)?;
        if let Some(stored) = stored {
            let stand_ins = StandIns::new(&group.0, stored);
            host.runtime
                .spawn(stand_ins.offer(Arc::downgrade(&group.0)));
        }
        #[cfg(feature = "disk")]
        on_disk::start(&group.0, host);
        if let Some(on_group) = &host.on_group {
            on_group(&group);
        }
        Ok((self.handle)(group))
    }

    fn check(&self) -> Result<(), Error> {
        name::check(&self.name)?;
        self.freshness.check()?;
        self.promotion.check()?;
        self.storage.check()?;
        let Host {
            request_timeout,
            request_queue,
            ..
        } = *self.host;
        self.limits.check(request_timeout, request_queue)?;
        self.check_standby()?;
        self.check_hedges()
    }
}

impl<G> fmt::Debug for GroupBuilder<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBuilder")
            .field("name", &self.name)
            .field("freshness", &self.freshness)
            .field("promotion", &self.promotion)
            .field("storage", &self.storage)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
