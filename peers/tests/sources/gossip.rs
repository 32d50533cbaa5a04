//! Members that find each other by gossip, on the local machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use peers::{Discovery as _, Gossip, GossipOptions};
use tokio::net::UdpSocket;

use crate::support::{Source, free_port, join, leave, stays_silent, until};

/// A node that gossips ten times a second.
struct Node {
    source: Source<Gossip>,
    this: String,
    address: SocketAddr,
}

impl Node {
    /// Has a node join by way of the seeds.
    async fn start(id: &str, seeds: &[SocketAddr]) -> Self {
        Self::start_with(id, seeds, options()).await
    }

    async fn start_with(id: &str, seeds: &[SocketAddr], options: GossipOptions) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let options = options.listen(address);
        let seeds = seeds.iter().map(ToString::to_string);
        let mut source = Source::of(Gossip::new(seeds, options).unwrap());
        let this = format!("{id}=http://127.0.0.1:{}", address.port());
        join(&mut source, &this).await;
        Self {
            source,
            this,
            address,
        }
    }

    /// Waits until the node knows just these.
    async fn knows(&mut self, nodes: &[&str]) {
        let mut nodes = nodes.to_vec();
        nodes.sort_unstable();
        until(&mut self.source, &nodes).await;
    }
}

/// Patient enough for a machine that is busy.
fn options() -> GossipOptions {
    GossipOptions::default()
        .interval(Duration::from_millis(100))
        .phi_threshold(30.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_find_each_other_die_and_leave() {
    let mut one = Node::start("one", &[]).await;
    let seeds = [one.address];
    let mut two = Node::start("two", &seeds).await;
    let mut three = Node::start("three", &seeds).await;
    let (a, b, c) = (one.this.clone(), two.this.clone(), three.this.clone());
    for node in [&mut one, &mut two, &mut three] {
        node.knows(&[&a, &b, &c]).await;
    }

    // By way of any node.
    let mut four = Node::start("four", &[three.address]).await;
    let d = four.this.clone();
    for node in [&mut one, &mut two, &mut three, &mut four] {
        node.knows(&[&a, &b, &c, &d]).await;
    }

    drop(one); // dies, though it was the seed
    for node in [&mut two, &mut three, &mut four] {
        node.knows(&[&b, &c, &d]).await;
    }

    leave(&mut two.source, &b).await;
    for node in [&mut three, &mut four] {
        node.knows(&[&c, &d]).await;
    }
    leave(&mut two.source, &b).await; // once more is no error
    stays_silent(&mut three.source, Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_is_heard_before_the_silence() {
    // Silence would take 100 s.
    let slow = || options().phi_threshold(1000.0);
    let mut one = Node::start_with("one", &[], slow()).await;
    let mut two = Node::start_with("two", &[one.address], slow()).await;
    let (a, b) = (one.this.clone(), two.this.clone());
    one.knows(&[&a, &b]).await;
    two.knows(&[&a, &b]).await;
    leave(&mut two.source, &b).await;
    one.knows(&[&a]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_comes_back_elsewhere_keeps_its_id() {
    let mut one = Node::start("one", &[]).await;
    let two = Node::start("two", &[one.address]).await;
    let (a, before) = (one.this.clone(), two.this.clone());
    one.knows(&[&a, &before]).await;

    // Its former life is not yet known to be over.
    let mut two_again = Node::start("two", &[one.address]).await;
    let after = two_again.this.clone();
    one.knows(&[&a, &after]).await;
    two_again.knows(&[&a, &after]).await;
    drop(two);
    stays_silent(&mut one.source, Duration::from_secs(2)).await;

    // A new URL of a node that stays is news as well.
    let moved = "two=http://127.0.0.1:1";
    join(&mut two_again.source, moved).await;
    one.knows(&[&a, moved]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_clusters_nodes_are_no_members() {
    let mut one = Node::start("one", &[]).await;
    let foreign = options().label("another");
    let mut other = Node::start_with("other", &[one.address], foreign).await;
    let (a, b) = (one.this.clone(), other.this.clone());
    one.knows(&[&a]).await;
    other.knows(&[&b]).await;
    stays_silent(&mut one.source, Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_observes_knows_all_and_is_no_member() {
    let mut one = Node::start("one", &[]).await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let eye = Gossip::new([one.address.to_string()], options().listen(address));
    let mut eye = Source::of(eye.unwrap());
    let this: peers::Member = format!("eye=http://{address}").parse().unwrap();
    eye.discovery.observe(&this).await.unwrap();
    let a = one.this.clone();
    until(&mut eye, &[&a]).await;
    // By way of the one that observes.
    let mut two = Node::start("two", &[address]).await;
    let b = two.this.clone();
    until(&mut eye, &[&a, &b]).await;
    one.knows(&[&a, &b]).await;
    two.knows(&[&a, &b]).await;

    // And it may join later.
    let eye_text = this.to_string();
    join(&mut eye, &eye_text).await;
    one.knows(&[&eye_text, &a, &b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_and_dead_seeds_do_no_harm() {
    let dead = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let mut one = Node::start("one", &[dead]).await;
    let a = one.this.clone();
    one.knows(&[&a]).await;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    for nonsense in [&b""[..], &[0; 1], &[255; 1000], b"GET / HTTP/1.1\r\n\r\n"] {
        socket.send_to(nonsense, one.address).await.unwrap();
    }
    let mut two = Node::start("two", &[dead, one.address]).await;
    let b = two.this.clone();
    one.knows(&[&a, &b]).await;
    two.knows(&[&a, &b]).await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_of_joining() {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let options = options().listen(taken.local_addr().unwrap());
    let mut source = Source::of(Gossip::new([""; 0], options).unwrap());
    let this = "http://127.0.0.1:1".parse().unwrap();
    let joined = source.discovery.join(&this).await;
    assert!(joined.unwrap_err().is_discovery());
    stays_silent(&mut source, Duration::from_millis(100)).await;
    // And once the address is free, joining works.
    drop(taken);
    join(&mut source, "http://127.0.0.1:1").await;
    until(&mut source, &["http://127.0.0.1:1"]).await;
}
