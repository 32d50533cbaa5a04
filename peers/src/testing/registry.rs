use std::sync::Arc;

use tokio::sync::watch;

use crate::discovery::tells_lists::TellsLists;
use crate::{BoxFuture, Discovery, Error, Member, MemberLists};

/// A source of members in memory: nodes that are given a [`source`](Self::source) of one registry find each other, and a
/// test can write into it or make it fail. Clones are the same registry.
///
/// ```
/// use futures_util::StreamExt as _;
/// use peers::testing::Registry;
/// use peers::{Discovery, Member};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), peers::Error> {
/// let registry = Registry::new();
/// let mut source = registry.source();
/// let this = Member::new("http://10.0.0.1:8080")?;
/// source.join(&this).await?;
/// let mut lists = source.lists();
/// assert_eq!(lists.next().await.expect("it has no end")?, [this]);
///
/// registry.fail("it is down");
/// assert!(lists.next().await.unwrap().unwrap_err().is_discovery());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Registry(Arc<watch::Sender<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    members: Vec<Member>,
    /// Why it fails, while it does.
    failure: Option<String>,
}

/// What [`Registry::source`] returns.
#[derive(Debug)]
pub struct RegistrySource {
    registry: Registry,
    is_read_only: bool,
}

/// Tells what a registry says.
struct Reader {
    state: watch::Receiver<State>,
    /// Whether the next answer is the present list, without a change.
    is_owed: bool,
}

impl Registry {
    /// A registry without members.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(State::default())))
    }

    /// A source that says the members of this registry, and joins and leaves it.
    pub fn source(&self) -> RegistrySource {
        RegistrySource {
            registry: self.clone(),
            is_read_only: false,
        }
    }

    /// A source that says the members of this registry and writes none into it, as one that somebody else fills.
    pub fn read_only_source(&self) -> RegistrySource {
        RegistrySource {
            is_read_only: true,
            ..self.source()
        }
    }

    /// The members.
    pub fn members(&self) -> Vec<Member> {
        self.0.borrow().members.clone()
    }

    /// Replaces the members, and ends a failure.
    pub fn say(&self, members: impl IntoIterator<Item = Member>) {
        let members = members.into_iter().collect();
        self.0.send_replace(State {
            members,
            failure: None,
        });
    }

    /// Makes every call of every source fail, until [`heal`](Self::heal) or [`say`](Self::say).
    pub fn fail(&self, reason: impl Into<String>) {
        let failure = Some(reason.into());
        self.0.send_modify(|state| state.failure = failure);
    }

    /// Ends a failure.
    pub fn heal(&self) {
        self.0.send_modify(|state| state.failure = None);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Member>)) -> Result<(), Error> {
        let mut failure = None;
        self.0.send_if_modified(|state| {
            failure.clone_from(&state.failure);
            if failure.is_none() {
                change(&mut state.members);
            }
            failure.is_none()
        });
        failure.map_or(Ok(()), |reason| Err(error(reason)))
    }
}

impl RegistrySource {
    fn change(&self, change: impl FnOnce(&mut Vec<Member>)) -> Result<(), Error> {
        if self.is_read_only {
            return Ok(());
        }
        self.registry.change(change)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Discovery for RegistrySource {
    fn join<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            self.change(|members| {
                members.retain(|member| member.id() != this.id());
                members.push(this.clone());
            })
        })
    }

    fn lists(&mut self) -> MemberLists {
        let state = self.registry.0.subscribe();
        let is_owed = true;
        Reader { state, is_owed }.into_lists()
    }

    fn leave<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.change(|members| members.retain(|member| member != this)) })
    }
}

impl TellsLists for Reader {
    async fn next(&mut self) -> Result<Vec<Member>, Error> {
        if !self.is_owed {
            // Fails once the registry is gone, which its source keeps.
            _ = self.state.changed().await;
        }
        let state = self.state.borrow_and_update().clone();
        self.is_owed = state.failure.is_some();
        match state.failure {
            Some(reason) => Err(error(reason)),
            None => Ok(state.members),
        }
    }
}

fn error(reason: String) -> Error {
    Error::discovery("the registry", reason)
}
