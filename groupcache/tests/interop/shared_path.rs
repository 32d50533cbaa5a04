//! Under one path golang, mailgun and groupcache-go speak three dialects that disagree in two things.
//! Nothing in a request identifies its sender. So our node reads and answers the dialect of its own
//! `Protocol`, whichever program asks.
//!
//! | | golang | mailgun, groupcache-go |
//! |---|---|---|
//! | a client sends a space as | `+` | `%20` |
//! | a client sends a plus sign as | `%2B` | `+` |
//! | so a node of ours reads `+` as | a space | a plus sign |
//! | an owner says "not found" by | 500 | 404 |
//! | an owner says that the getter failed by | 500 | 503 |
//! | a caller takes for final | nothing but a value | 404 and 503 |
//!
//! These tests ask a node of ours through each of the three real clients under each of the three
//! protocols. All members of a cluster need the same protocol, and then every key gets the right
//! value. The other cases show the cost of mixing protocols.

use groupcache::testing::Cluster;
use groupcache::{Group, Protocol};

use crate::go_node::GoNode;
use crate::golang::GOLANG;
use crate::groupcache_go::GROUPCACHE_GO;
use crate::mailgun::MAILGUN;
use crate::program::Program;
use crate::source::{Source, loads_of};

const PROTOCOLS: [Protocol; 3] = [Protocol::Golang, Protocol::Mailgun, Protocol::GroupcacheGo];

/// Our node, which a Go node takes for a peer. Our node has no peers.
struct Pair {
    go: GoNode,
    source: Source,
    _ours: Cluster,
    _group: Group,
}

impl Pair {
    async fn start(program: Program, protocol: Protocol) -> Self {
        // A name that all read alike. Clusters of other protocols are not this test's alone.
        let group = "plain-";
        let name = format!("{}-{protocol}", Program { group, ..program }.group_name());
        let go = GoNode::start(program, &name).await;
        let builder = Cluster::builder(1).protocol(protocol);
        let ours = builder.start().await.unwrap();
        let source = Source::default();
        let group = ours.node(0).group(&name, 1 << 20, source.getter());
        let group = group.build().unwrap();
        let url = ours.node(0).member().url().to_owned();
        go.set_peers(&[url, go.url()]).await;
        Self {
            go,
            source,
            _ours: ours,
            _group: group,
        }
    }

    /// Asks the Go node for keys until it asks our node for one. Returns the key that the Go node
    /// was asked for, and the key that our node was asked for.
    async fn asked_for(&self, key: impl Fn(u32) -> String) -> (String, String) {
        for n in 0..1000 {
            let asked = key(n);
            let before = self.source.loads();
            self.go.get(asked.as_bytes()).await;
            let mut arrived = self.source.loads();
            arrived.retain(|key, _| !before.contains_key(key));
            if let Some((arrived, _)) = arrived.pop_first() {
                return (asked, String::from_utf8(arrived).unwrap());
            }
        }
        panic!("the Go node owns everything");
    }

    /// Whether our node's answer for such a key is final for the Go node, or makes it load.
    async fn is_final(&self, prefix: &str) -> bool {
        let (asked, arrived) = self.asked_for(|n| format!("{prefix}{n}-and-so-on")).await;
        assert_eq!(arrived, asked);
        match loads_of(&self.go.stats().await.loads, &asked) {
            0 => true,
            1 => false,
            more => panic!("{more} loads of {asked}"),
        }
    }
}

/// Asks our node, under each protocol, for keys with a space and with a plus sign. Under the
/// client's own protocol our node reads both as the client means them. Under another, it misreads
/// one of the two.
async fn signs_are_read(program: Program, read: impl Fn(Protocol, char) -> char) {
    for protocol in PROTOCOLS {
        let pair = Pair::start(program, protocol).await;
        for sign in [' ', '+'] {
            let (asked, arrived) = pair.asked_for(|n| format!("a{sign}{n}-and-so-on")).await;
            let expected = asked.replace(sign, &read(protocol, sign).to_string());
            assert_eq!(arrived, expected, "{} to {protocol}", program.name);
        }
    }
}

#[tokio::test]
async fn a_plus_sign_from_golangs_client_is_a_space_to_golangs_protocol_alone() {
    signs_are_read(GOLANG, |protocol, sign| match (protocol, sign) {
        (Protocol::Golang, sign) => sign,
        _ => '+',
    })
    .await;
}

#[tokio::test]
async fn a_plus_sign_from_the_other_clients_is_itself_but_to_golangs_protocol() {
    for program in [MAILGUN, GROUPCACHE_GO] {
        signs_are_read(program, |protocol, sign| match (protocol, sign) {
            (Protocol::Golang, _) => ' ',
            (_, sign) => sign,
        })
        .await;
    }
}

#[tokio::test]
async fn what_ours_say_is_final_for_mailguns_clients_and_only_in_their_words() {
    for program in [GOLANG, MAILGUN, GROUPCACHE_GO] {
        for protocol in PROTOCOLS {
            let pair = Pair::start(program, protocol).await;
            let understood = program.protocol != Protocol::Golang;
            let said = protocol != Protocol::Golang;
            for prefix in ["missing:", "err:"] {
                let is_final = pair.is_final(prefix).await;
                assert_eq!(
                    is_final,
                    understood && said,
                    "{} to {protocol}",
                    program.name
                );
            }
        }
    }
}
