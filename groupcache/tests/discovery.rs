//! Nodes that find each other by a source of members.

mod common;

use std::time::Duration;

use common::{Calls, MIB, until};
use groupcache::testing::{Network, Registry};
use groupcache::{DiscoveryOptions, HttpOptions, Member, Never, Node, NodeBuilder, Source};
use tokio::time::{Instant, sleep};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A node of this name on a host of its own.
fn node(network: &Network, n: usize) -> NodeBuilder {
    let host = format!("10.0.0.{n}:80");
    let http = HttpOptions::default().connector(network.connector(&host));
    Node::builder(format!("node-{n}=http://{host}"))
        .http(http)
        .listener(network.listen(&host).unwrap())
}

async fn following(network: &Network, n: usize, registry: &Registry) -> Node {
    let node = node(network, n).discovery(registry.source());
    node.start().await.unwrap()
}

/// The numbers of the members of a node's ring.
fn ring(node: &Node) -> String {
    let members = node.peers();
    let numbers = members
        .iter()
        .map(|member| member.id().trim_start_matches("node-"));
    numbers.collect::<Vec<_>>().join(" ")
}

/// Whether the nodes agree on these members and on all owners.
fn agree(nodes: &[&Node], members: &str) -> bool {
    let owners = |node: &Node| {
        (0..100)
            .map(|n| node.owner(format!("key-{n}")))
            .collect::<Vec<_>>()
    };
    let first = owners(nodes[0]);
    nodes
        .iter()
        .all(|node| ring(node) == members && owners(node) == first)
}

#[tokio::test(start_paused = true)]
async fn nodes_find_each_other_a_fourth_comes_one_dies_and_one_leaves() {
    let (network, registry) = (Network::new(), Registry::new());
    let one = following(&network, 1, &registry).await;
    let two = following(&network, 2, &registry).await;
    let three = following(&network, 3, &registry).await;
    sleep(ms(200)).await;
    assert!(agree(&[&one, &two, &three], "1 2 3"));

    // A node that somebody else announces, and takes out when it dies.
    let mut listed = registry.members();
    listed.push("node-4=http://10.0.0.4:80".parse().unwrap());
    registry.say(listed.clone());
    let four = node(&network, 4).discovery(registry.read_only_source());
    let four = four.start().await.unwrap();
    assert_eq!(ring(&four), "1 2 3 4", "it does not begin alone");
    sleep(ms(200)).await;
    assert!(agree(&[&one, &two, &three, &four], "1 2 3 4"));

    registry.fail("the registry is away");
    sleep(ms(30_000)).await;
    assert!(agree(&[&one, &two, &three, &four], "1 2 3 4"));
    assert!(one.discovery().unwrap().failing);
    registry.heal();
    sleep(ms(1100)).await;
    assert!(!one.discovery().unwrap().failing);

    drop(four);
    registry.say(listed.into_iter().filter(|member| member.id() != "node-4"));
    sleep(ms(600)).await;
    assert!(agree(&[&one, &two, &three], "1 2 3"));

    three.shutdown().await;
    assert!(agree(&[&one, &two], "1 2"), "the peers have heard of it");
}

#[tokio::test(start_paused = true)]
async fn who_shuts_a_node_down_once_more_waits_for_the_first() {
    let (network, registry) = (Network::new(), Registry::new());
    let node = following(&network, 1, &registry).await;
    let start = Instant::now();
    let ended = async || {
        node.shutdown().await;
        start.elapsed()
    };
    let (first, second, ()) = tokio::join!(ended(), ended(), node.leave());
    assert!(first >= ms(1000) && second >= first, "{first:?} {second:?}");
    assert_eq!(registry.members(), []);
}

#[tokio::test(start_paused = true)]
async fn groups_of_the_start_are_there_before_the_node_is_announced() {
    let (network, registry) = (Network::new(), Registry::new());
    let (source, seen) = (
        registry.clone(),
        std::sync::Arc::new(std::sync::OnceLock::new()),
    );
    let node = node(&network, 1).discovery(registry.source());
    let noted = seen.clone();
    let node = node.on_start(move |_| noted.set(source.members()).unwrap());
    let _node = node.start().await.unwrap();
    assert_eq!(*seen.get().unwrap(), []);
    assert_eq!(registry.members().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_leaves_its_source_before_it_stops_to_answer() {
    let (network, registry, calls) = (Network::new(), Registry::new(), Calls::default());
    let (one, two) = (
        following(&network, 1, &registry).await,
        following(&network, 2, &registry).await,
    );
    sleep(ms(200)).await;
    let group = |node: &Node| {
        node.group("g", MIB, calls.echo())
            .promoter(Never)
            .build()
            .unwrap()
    };
    let (first, _second) = (group(&one), group(&two));
    let mut keys = (0..).map(|n| format!("key-{n}"));
    let key = keys
        .find(|key| one.owner(key).unwrap() == *two.member())
        .unwrap();

    first.get(&key).await.unwrap();

    let start = Instant::now();
    let leaving = tokio::spawn({
        let two = two.clone();
        async move { two.shutdown().await }
    });
    sleep(ms(50)).await;
    assert_eq!(registry.members(), [one.member().clone()]);
    assert_eq!(ring(&one), "1", "it has said so itself");
    let source = first.entry(&key).await.unwrap().source();
    assert_ne!(source, Source::Origin, "what it had is not lost");
    sleep(ms(600)).await;
    assert_eq!(ring(&one), "1");
    leaving.await.unwrap();
    assert_eq!(start.elapsed(), ms(1000));
    assert!(two.discovery().is_none());
    two.shutdown().await;
    assert_eq!(start.elapsed(), ms(1000), "a second call has nothing to do");
    assert_eq!(
        first.get(&key).await.unwrap(),
        format!("value of {key}").as_str()
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_dropped_leaves() {
    let (network, registry) = (Network::new(), Registry::new());
    drop(following(&network, 1, &registry).await);
    sleep(ms(1)).await;
    assert_eq!(registry.members(), []);
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_source_is_silent_starts_with_the_members_it_was_given() {
    let (network, registry) = (Network::new(), Registry::new());
    registry.fail("not yet there");
    let start = Instant::now();
    let node = node(&network, 1)
        .peers(["node-7=http://10.0.0.7:80"])
        .discovery(registry.source())
        .discovery_options(
            DiscoveryOptions::default()
                .first_list_timeout(ms(200))
                .back_off(ms(100))
                .max_back_off(ms(200)),
        )
        .start()
        .await
        .unwrap();
    assert_eq!(start.elapsed(), ms(200));
    assert_eq!(ring(&node), "1 7");
    registry.say([]);
    sleep(ms(1100)).await;
    assert_eq!(
        ring(&node),
        "1",
        "it has announced itself, and there is nobody else"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_left_out_of_its_ring_follows_and_announces_nothing() {
    let (network, registry) = (Network::new(), Registry::new());
    let _one = following(&network, 1, &registry).await;
    let asking = node(&network, 2)
        .include_self(false)
        .discovery(registry.source())
        .start()
        .await
        .unwrap();
    assert_eq!(ring(&asking), "1");
    asking.leave().await;
    assert_eq!(registry.members().len(), 1);
}

#[tokio::test]
async fn options_of_the_source_are_checked_at_the_start() {
    let options = DiscoveryOptions::default().back_off(Duration::ZERO);
    let node = Node::builder("http://10.0.0.1:80").discovery_options(options);
    let error = node.start().await.unwrap_err();
    assert!(
        error.is_configuration() && error.to_string().contains("back_off"),
        "{error}"
    );
}

/// Three nodes with servers of their own, which read one file, in real time.
#[tokio::test]
async fn nodes_follow_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("members");
    let write = |members: &[&Member]| {
        let lines: Vec<String> = members
            .iter()
            .map(|member| format!("{member} # a node\n"))
            .collect();
        let new = folder.path().join("members.new");
        std::fs::write(&new, lines.concat()).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    let mut nodes = Vec::new();
    let mut listeners = Vec::new();
    for n in 1..=3 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("node-{n}=http://{}", listener.local_addr().unwrap());
        listeners.push((listener, url.parse::<Member>().unwrap()));
    }
    let all: Vec<Member> = listeners.iter().map(|(_, member)| member.clone()).collect();
    write(&[&all[0], &all[1]]);
    let calls = Calls::default();
    let mut groups = Vec::new();
    for (listener, member) in listeners {
        let source = groupcache::peers::MemberFile::new(&path).interval(ms(10));
        let node = Node::builder(member.to_string())
            .listener(listener)
            .discovery(source);
        let node = node.start().await.unwrap();
        groups.push(
            node.group("g", MIB, calls.echo())
                .promoter(Never)
                .build()
                .unwrap(),
        );
        nodes.push(node);
    }
    assert_eq!(ring(&nodes[0]), "1 2");
    assert_eq!(ring(&nodes[2]), "1 2 3", "it is a member of its own ring");
    let nodes: Vec<&Node> = nodes.iter().collect();

    write(&all.iter().collect::<Vec<_>>());
    until(|| agree(&nodes, "1 2 3")).await;
    for n in 0..30 {
        for group in &groups {
            group.get(format!("key-{n}")).await.unwrap();
        }
    }
    assert_eq!(calls.count(), 30, "one load for each key");

    std::fs::write(&path, "node-1=htt").unwrap();
    until(|| nodes.iter().all(|node| node.discovery().unwrap().failing)).await;
    std::fs::remove_file(&path).unwrap();
    let missing = |node: &&Node| {
        node.discovery()
            .unwrap()
            .last_error
            .unwrap()
            .contains("os error")
    };
    until(|| nodes.iter().all(missing)).await;
    assert!(agree(&nodes, "1 2 3"));

    write(&[&all[0], &all[2]]);
    until(|| agree(&[nodes[0], nodes[2]], "1 3")).await;
}
