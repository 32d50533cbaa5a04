//! Exchanges of what two nodes know of changes, and when there are none.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use groupcache::peers::{
    BoxFuture, Error, GetRequest, Knowledge, Member, PeerClient, PeerService, RemoveRequest, Reply,
    Transport,
};
use groupcache::{CoherenceOptions, Group, Key, Never, Node};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// Two nodes, each the other one's only peer, that compare about every second.
struct Two {
    groups: [Group; 2],
    nodes: [Node; 2],
    exchanges: Arc<AtomicUsize>,
}

/// How a node reaches the other one.
struct Line {
    service: Arc<OnceLock<Weak<dyn PeerService>>>,
    exchanges: Arc<AtomicUsize>,
}

/// The other end of it.
#[derive(Clone)]
struct Dialled(Arc<Line>);

impl std::fmt::Debug for Dialled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the other node")
    }
}

impl Dialled {
    fn service(&self) -> Result<Arc<dyn PeerService>, Error> {
        let service = self.0.service.get().and_then(Weak::upgrade);
        service.ok_or_else(|| Error::unreachable("the other node", "it has not started"))
    }
}

impl PeerClient for Dialled {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move { self.service()?.get(request).await })
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.service()?.remove(request).await })
    }

    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        Box::pin(async move {
            self.0.exchanges.fetch_add(1, SeqCst);
            self.service()?.sync(knowledge).await
        })
    }
}

impl Transport for Dialled {
    fn dial(&self, _: &Member) -> Result<Arc<dyn PeerClient>, Error> {
        Ok(Arc::new(self.clone()))
    }

    fn names_changes(&self) -> bool {
        true
    }
}

impl Two {
    async fn new() -> Self {
        let exchanges = Arc::<AtomicUsize>::default();
        let services: [Arc<OnceLock<_>>; 2] = Default::default();
        let urls = ["http://one", "http://other"];
        let mut nodes = Vec::new();
        for (url, other) in urls.into_iter().zip([1, 0]) {
            let line = Line {
                service: Arc::clone(&services[other]),
                exchanges: Arc::clone(&exchanges),
            };
            let node = Node::builder(url)
                .peers(urls)
                .transport(Dialled(Arc::new(line)))
                .coherence(CoherenceOptions::default().exchange_interval(SECOND));
            nodes.push(node.start().await.unwrap());
        }
        for (service, node) in services.iter().zip(&nodes) {
            assert!(service.set(node.peer_service()).is_ok());
        }
        let nodes: [Node; 2] = nodes.try_into().unwrap();
        let groups = nodes.each_ref().map(|node| {
            let getter = |key: Key| async move {
                Ok::<_, std::convert::Infallible>(key.as_bytes().to_vec())
            };
            let group = node.group("g", 1 << 20, getter).promoter(Never);
            group.build().unwrap()
        });
        let two = Self {
            groups,
            nodes,
            exchanges,
        };
        // They have compared since they started.
        sleep(10 * SECOND).await;
        two
    }

    /// The number of exchanges during a minute in which both nodes are asked for twenty keys every tenth of a second.
    async fn exchanges_in_a_busy_minute(&self) -> usize {
        let before = self.exchanges.load(SeqCst);
        for _ in 0..600 {
            for key in 0..20 {
                // One of the two owns it, and the other one asks for it.
                for group in &self.groups {
                    group.get(key.to_string()).await.unwrap();
                }
            }
            sleep(SECOND / 10).await;
        }
        self.exchanges.load(SeqCst) - before
    }

    async fn exchanges_in_an_idle_minute(&self) -> usize {
        let before = self.exchanges.load(SeqCst);
        sleep(60 * SECOND).await;
        self.exchanges.load(SeqCst) - before
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_whose_replies_show_that_nothing_is_new_exchange_nothing() {
    let two = Two::new().await;
    // The first one may be due before there was a reply.
    assert!(two.exchanges_in_a_busy_minute().await <= 2);
    for place in 0..10 {
        two.groups[place % 2].remove("k").await.unwrap();
        assert_eq!(two.exchanges_in_a_busy_minute().await, 0, "change {place}");
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_that_do_not_talk_compare_now_and_then() {
    let two = Two::new().await;
    let exchanges = two.exchanges_in_an_idle_minute().await;
    assert!((30..=150).contains(&exchanges), "{exchanges}");
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_replies_show_more_than_the_other_one_knows_is_compared_with() {
    let two = Two::new().await;
    // This node tells nobody of its change: nobody is on its list.
    assert!(two.nodes[0].remove_peer("http://other").unwrap());
    sleep(2 * 60 * SECOND).await;
    assert_eq!(two.exchanges_in_a_busy_minute().await, 0);
    two.groups[0].remove("k").await.unwrap();
    let exchanges = two.exchanges_in_a_busy_minute().await;
    assert!((1..=2).contains(&exchanges), "{exchanges}");
    assert_eq!(two.exchanges_in_a_busy_minute().await, 0, "both know it");
}
