//! What the tests share: real servers, and waiting with a limit.
#![allow(dead_code, unused_imports)] // every source uses some of it

#[cfg(feature = "kubernetes")]
mod api_server;
mod etcd_server;
#[cfg(feature = "kubernetes")]
mod kube_apiserver;
mod name_server;
mod program;
mod proxy;

#[cfg(feature = "kubernetes")]
pub(crate) use api_server::ApiServer;
pub(crate) use etcd_server::{EtcdServer, Pem};
#[cfg(feature = "kubernetes")]
pub(crate) use kube_apiserver::KubeApiserver;
pub(crate) use name_server::NameServer;
pub(crate) use program::{Program, find_program, free_port};
pub(crate) use proxy::Proxy;

use std::time::Duration;

use futures_util::StreamExt as _;
use peers::{Discovery, Error, Member, MemberLists};

/// Waits for what has to happen soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .unwrap_or_else(|_| panic!("{what} took too long"))
}

/// The members' texts, in order.
pub(crate) fn texts(members: &[Member]) -> Vec<String> {
    let mut texts: Vec<String> = members.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

/// A source and its lists, as a driver has them.
pub(crate) struct Source<D> {
    pub(crate) discovery: D,
    lists: MemberLists,
}

impl<D: Discovery> Source<D> {
    pub(crate) fn of(mut discovery: D) -> Self {
        let lists = discovery.lists();
        Self { discovery, lists }
    }

    async fn next(&mut self) -> Result<Vec<Member>, Error> {
        self.lists.next().await.expect("the lists have no end")
    }
}

/// The next list of a source, in order.
pub(crate) async fn next(source: &mut Source<impl Discovery>) -> Vec<String> {
    texts(&soon("the next list", source.next()).await.unwrap())
}

/// The error of a source that does not know.
pub(crate) async fn next_error(source: &mut Source<impl Discovery>) -> Error {
    soon("the error", source.next()).await.unwrap_err()
}

/// Has a node join, as often as a driver does.
pub(crate) async fn join(source: &mut Source<impl Discovery>, this: &str) {
    let this: Member = this.parse().unwrap();
    soon("joining", async {
        while source.discovery.join(&this).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await; // a driver's back-off
        }
    })
    .await;
}

pub(crate) async fn leave(source: &mut Source<impl Discovery>, this: &str) {
    let this: Member = this.parse().unwrap();
    soon("leaving", source.discovery.leave(&this))
        .await
        .unwrap();
}

/// Asserts that a source tells nothing for so long.
pub(crate) async fn stays_silent(source: &mut Source<impl Discovery>, time: Duration) {
    let told = tokio::time::timeout(time, source.next()).await;
    assert!(told.is_err(), "{told:?}");
}

/// Takes lists and errors, as a driver does, until the list is as expected.
pub(crate) async fn until(source: &mut Source<impl Discovery>, expected: &[&str]) {
    let mut latest = Vec::new();
    let wait = async {
        loop {
            match source.next().await {
                Ok(members) => latest = texts(&members),
                Err(error) => {
                    assert!(error.is_discovery(), "{error}");
                    tokio::time::sleep(Duration::from_millis(50)).await; // a driver's back-off
                }
            }
            if latest == expected {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), wait).await;
    assert!(in_time.is_ok(), "{latest:?} where {expected:?} is expected");
}
