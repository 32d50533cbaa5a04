//! Members from a real etcd.

use std::time::Duration;

use peers::{Discovery as _, Etcd, EtcdOptions};

use crate::pki::{Authority, Pair};
use crate::support::{
    EtcdServer, Pem, Proxy, Source, free_port, join, leave, next, next_error, soon, stays_silent,
    until,
};

const PREFIX: &str = "groupcache/test";
const ONE: &str = "one=http://10.0.0.1:8080";
const TWO: &str = "two=http://10.0.0.2:8080";
const THREE: &str = "three=http://10.0.0.3:8080";
const FOUR: &str = "four=http://10.0.0.4:8080";

/// With a lease as short as a server with usual settings allows.
fn options() -> EtcdOptions {
    EtcdOptions::default().lease_ttl(Duration::from_secs(2))
}

fn etcd(server: &EtcdServer) -> Source<Etcd> {
    at([server.url()], PREFIX, options())
}

fn at<const N: usize>(urls: [String; N], prefix: &str, options: EtcdOptions) -> Source<Etcd> {
    Source::of(Etcd::new(urls, prefix, options).unwrap())
}

/// A member that has joined.
async fn member(server: &EtcdServer, this: &str) -> Source<Etcd> {
    let mut source = etcd(server);
    join(&mut source, this).await;
    source
}

#[tokio::test]
async fn members_find_each_other_die_and_leave() {
    let Some(server) = EtcdServer::start().await else {
        return;
    };
    let mut one = member(&server, ONE).await;
    let mut two = member(&server, TWO).await;
    let mut three = member(&server, THREE).await;
    for source in [&mut one, &mut two, &mut three] {
        assert_eq!(next(source).await, [ONE, THREE, TWO]);
    }

    let mut four = member(&server, FOUR).await;
    assert_eq!(next(&mut four).await, [FOUR, ONE, THREE, TWO]);
    for source in [&mut one, &mut two, &mut three] {
        assert_eq!(next(source).await, [FOUR, ONE, THREE, TWO]);
    }

    drop(two); // dies, and its lease ends
    for source in [&mut one, &mut three, &mut four] {
        assert_eq!(next(source).await, [FOUR, ONE, THREE]);
    }

    leave(&mut three, THREE).await;
    for source in [&mut one, &mut four] {
        assert_eq!(next(source).await, [FOUR, ONE]);
    }
    // Leaving twice, or without having joined, is no error.
    leave(&mut three, THREE).await;
    leave(&mut etcd(&server), TWO).await;
    // Those that live renew their leases.
    stays_silent(&mut one, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_member_that_moves_keeps_its_id() {
    let Some(server) = EtcdServer::start().await else {
        return;
    };
    let mut observer = etcd(&server);
    assert_eq!(next(&mut observer).await, [""; 0]);
    let mut before = member(&server, ONE).await;
    assert_eq!(next(&mut observer).await, [ONE]);

    let moved = "one=http://10.0.0.11:8080";
    let mut after = member(&server, moved).await;
    assert_eq!(next(&mut observer).await, [moved]);
    // The end of the former process takes nothing from the new one.
    leave(&mut before, ONE).await;
    let _two = member(&server, TWO).await;
    assert_eq!(next(&mut observer).await, [moved, TWO]);
    // Joining again changes nothing.
    join(&mut after, moved).await;
    leave(&mut after, moved).await;
    assert_eq!(next(&mut observer).await, [TWO]);
}

#[tokio::test]
async fn other_prefixes_and_foreign_keys_are_no_members() {
    let Some(server) = EtcdServer::start().await else {
        return;
    };
    let mut observer = etcd(&server);
    let mut neighbour = at([server.url()], "groupcache/test2", options());
    join(&mut neighbour, TWO).await;
    let mut inner = at([server.url()], "groupcache/test/inner", options());
    join(&mut inner, FOUR).await;
    server
        .etcdctl(&["put", "groupcache/test/junk", "no URL"])
        .await;
    server
        .etcdctl(&["put", "groupcache/test0", "http://10.0.0.9:1"])
        .await;
    server
        .etcdctl(&["put", "groupcache/test", "http://10.0.0.9:1"])
        .await;
    assert_eq!(next(&mut observer).await, [""; 0]);

    let plain = "http://10.0.0.3:8080"; // an id with slashes
    let _plain = member(&server, plain).await;
    assert_eq!(next(&mut observer).await, [plain]);
    server
        .etcdctl(&["put", "groupcache/test/http:%2F%2F10.0.0.3:8080", "junk"])
        .await;
    assert_eq!(next(&mut observer).await, [""; 0]);
    assert_eq!(next(&mut neighbour).await, [TWO]);
    assert_eq!(next(&mut inner).await, [FOUR]);
}

#[tokio::test]
async fn while_the_server_is_down_there_are_errors_and_then_the_same_members() {
    let Some(mut server) = EtcdServer::start().await else {
        return;
    };
    let mut one = member(&server, ONE).await;
    let _two = member(&server, TWO).await;
    assert_eq!(next(&mut one).await, [ONE, TWO]);

    server.kill().await;
    for _ in 0..2 {
        let error = next_error(&mut one).await;
        assert!(error.is_discovery());
        assert!(error.to_string().contains(PREFIX), "{error}");
    }
    server.restart().await;
    until(&mut one, &[ONE, TWO]).await;
    // The leases are renewed again.
    stays_silent(&mut one, Duration::from_secs(5)).await;
    let _three = member(&server, THREE).await;
    assert_eq!(next(&mut one).await, [ONE, THREE, TWO]);
}

#[tokio::test]
async fn a_member_whose_lease_is_lost_joins_again() {
    let Some(mut server) = EtcdServer::start().await else {
        return;
    };
    let mut one = member(&server, ONE).await;
    assert_eq!(next(&mut one).await, [ONE]);
    // By an operator's hand.
    let lease = server.etcdctl(&["lease", "list"]).await;
    let lease = lease.lines().last().unwrap();
    server.etcdctl(&["lease", "revoke", lease]).await;
    assert_eq!(next(&mut one).await, [""; 0]);
    // At the first try: a driver waits before a second one.
    let this = ONE.parse().unwrap();
    soon("joining", one.discovery.join(&this)).await.unwrap();
    assert_eq!(next(&mut one).await, [ONE]);

    // With all that the server knew, revisions too.
    server.kill().await;
    server.wipe();
    server.restart().await;
    until(&mut one, &[]).await;
    join(&mut one, ONE).await;
    assert_eq!(next(&mut one).await, [ONE]);
    stays_silent(&mut one, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn no_change_is_lost_with_a_connection() {
    let Some(server) = EtcdServer::start().await else {
        return;
    };
    let proxy = Proxy::start(server.address()).await;
    let url = format!("http://{}", proxy.address());
    let mut source = at([url], PREFIX, options());
    join(&mut source, ONE).await;
    assert_eq!(next(&mut source).await, [ONE]);

    let mut two = member(&server, TWO).await;
    proxy.cut();
    leave(&mut two, TWO).await;
    let _three = member(&server, THREE).await;
    until(&mut source, &[ONE, THREE]).await;
    stays_silent(&mut source, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn compacted_history_costs_another_reading_of_the_list() {
    let Some(server) = EtcdServer::start().await else {
        return;
    };
    let proxy = Proxy::start(server.address()).await;
    let url = format!("http://{}", proxy.address());
    let mut source = at([url], PREFIX, options());

    // The list is read, and the watch comes late.
    proxy.hold_calls_from(1);
    let waiting = tokio::spawn(async move {
        let first = next(&mut source).await;
        (source, first)
    });
    proxy.held().await;
    let _one = member(&server, ONE).await;
    let status = server
        .etcdctl(&["endpoint", "status", "--write-out=json"])
        .await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let revision = status[0]["Status"]["header"]["revision"].to_string();
    server.etcdctl(&["put", "other", "key"]).await;
    server.etcdctl(&["compact", &revision]).await;
    proxy.release();
    let (mut source, first) = waiting.await.unwrap();
    assert_eq!(first, [""; 0]);
    assert_eq!(next(&mut source).await, [ONE]);
}

#[tokio::test]
async fn a_server_that_is_down_is_passed_over() {
    let Some(server) = EtcdServer::start().await else {
        return;
    };
    let dead = format!("http://127.0.0.1:{}", free_port());
    let mut source = at([dead, server.url()], PREFIX, options());
    join(&mut source, ONE).await;
    assert_eq!(next(&mut source).await, [ONE]);
}

#[tokio::test]
async fn a_server_that_falls_silent_costs_no_member_its_lease() {
    let Some(server) = EtcdServer::start().await else {
        return;
    };
    let proxy = Proxy::start(server.address()).await;
    let first = format!("http://{}", proxy.address());
    let lease = options().lease_ttl(Duration::from_secs(3));
    let mut source = at([first, server.url()], PREFIX, lease);
    join(&mut source, ONE).await;
    assert_eq!(next(&mut source).await, [ONE]);
    let mut observer = etcd(&server);
    assert_eq!(next(&mut observer).await, [ONE]);

    proxy.hold_calls_from(0); // nothing is refused or cut
    stays_silent(&mut observer, Duration::from_secs(6)).await;
    // The list follows too, from the next server.
    let _two = member(&server, TWO).await;
    until(&mut source, &[ONE, TWO]).await;
}

/// A server with this certificate, which asks clients for one of the authority `clients`, if there is one.
async fn secure(pair: &Pair, clients: Option<&Authority>) -> Option<EtcdServer> {
    let clients = clients.map(Authority::root);
    let pem = Pem {
        certificate: &pair.chain,
        key: &pair.key,
        client_authorities: clients.as_deref(),
    };
    EtcdServer::start_with_tls(pem).await
}

#[tokio::test]
async fn over_tls_members_find_each_other_and_the_authority_has_to_vouch_for_the_server() {
    let authority = Authority::new();
    let Some(mut server) = secure(&authority.issue("127.0.0.1"), None).await else {
        return;
    };
    let with = |root: String| at([server.url()], PREFIX, options().ca_certificate(root));
    let mut one = with(authority.root());
    join(&mut one, ONE).await;
    assert_eq!(next(&mut one).await, [ONE]);
    let mut two = with(authority.root());
    join(&mut two, TWO).await;
    assert_eq!(next(&mut one).await, [ONE, TWO]);

    let other = with(Authority::new().root());
    let of_the_system = at([server.url()], PREFIX, options());
    let text = server.url().replace("https", "http");
    let plain = at([text], PREFIX, options());
    for mut stranger in [other, of_the_system, plain] {
        let this = THREE.parse().unwrap();
        let joined = soon("joining", stranger.discovery.join(&this)).await;
        assert!(joined.unwrap_err().is_discovery());
        assert!(next_error(&mut stranger).await.is_discovery());
    }

    server.kill().await;
    assert!(next_error(&mut one).await.is_discovery());
    server.restart().await;
    until(&mut one, &[ONE, TWO]).await;
    leave(&mut two, TWO).await;
    assert_eq!(next(&mut one).await, [ONE]);
}

#[tokio::test]
async fn a_server_that_asks_for_certificates_gets_the_one_that_is_given() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let named = servers.issue("etcd.example");
    let Some(server) = secure(&named, Some(&clients)).await else {
        return;
    };
    let with = |pair: Option<&Pair>, name: &str| {
        let options = options().ca_certificate(servers.root()).server_name(name);
        let options = match pair {
            Some(pair) => options.client_certificate(&*pair.chain, &*pair.key),
            None => options,
        };
        at([server.url()], PREFIX, options)
    };
    let pair = clients.issue("cache");
    let mut one = with(Some(&pair), "etcd.example");
    join(&mut one, ONE).await;
    assert_eq!(next(&mut one).await, [ONE]);
    for mut refused in [
        with(None, "etcd.example"),
        with(Some(&servers.issue("cache")), "etcd.example"),
        with(Some(&clients.issue_expired("cache")), "etcd.example"),
        with(Some(&pair), "other.example"),
    ] {
        assert!(next_error(&mut refused).await.is_discovery());
    }
    stays_silent(&mut one, Duration::from_secs(3)).await;
}

#[test]
fn certificates_that_cannot_be_read_are_an_error_at_the_start() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let authority = Authority::new();
    let pair = authority.issue("cache");
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----";
    let with = |root: &str| options().ca_certificate(root);
    for options in [
        with("no certificate"),
        with(broken),
        with(&authority.root()).client_certificate(&*pair.chain, "no key"),
        with(&authority.root()).client_certificate(broken, &*pair.key),
    ] {
        let error = Etcd::new(["https://127.0.0.1:2379"], PREFIX, options).unwrap_err();
        assert!(error.is_discovery() || error.is_configuration(), "{error}");
        assert!(!format!("{error:?}").contains("PRIVATE"));
    }
}

#[tokio::test]
async fn only_a_user_with_the_right_password_reads_and_joins() {
    let Some(mut server) = EtcdServer::start().await else {
        return;
    };
    server.etcdctl(&["user", "add", "root:top secret"]).await;
    server
        .etcdctl(&["user", "grant-role", "root", "root"])
        .await;
    server.etcdctl(&["user", "add", "cache:hush hush"]).await;
    server.etcdctl(&["role", "add", "cache"]).await;
    server
        .etcdctl(&[
            "role",
            "grant-permission",
            "cache",
            "--prefix=true",
            "readwrite",
            "groupcache/test/",
        ])
        .await;
    server
        .etcdctl(&["user", "grant-role", "cache", "cache"])
        .await;
    // Credentials where nobody asks for them do no harm.
    let with = |user, password| {
        let options = options().credentials(user, password);
        at([server.url()], PREFIX, options)
    };
    join(&mut with("cache", "hush hush"), TWO).await;
    let mut source = with("cache", "hush hush");
    let (mut nobody, mut wrong) = (etcd(&server), with("cache", "guessed it"));
    server.etcdctl(&["auth", "enable"]).await;

    join(&mut source, ONE).await;
    until(&mut source, &[ONE]).await;
    for stranger in [&mut nobody, &mut wrong] {
        let error = next_error(stranger).await;
        assert!(error.is_discovery());
        assert!(
            !format!("{error:?} {:?}", stranger.discovery).contains("guessed"),
            "{error:?}"
        );
        let this = TWO.parse().unwrap();
        assert!(
            soon("joining", stranger.discovery.join(&this))
                .await
                .is_err()
        );
    }
    let other = options().credentials("cache", "hush hush");
    let mut other = at([server.url()], "elsewhere", other);
    assert!(next_error(&mut other).await.is_discovery());

    // The server forgets the tokens, and the source gets another.
    server.kill().await;
    assert!(next_error(&mut source).await.is_discovery());
    server.restart().await;
    until(&mut source, &[ONE]).await;
    stays_silent(&mut source, Duration::from_secs(5)).await;
    leave(&mut source, ONE).await;
    assert_eq!(next(&mut source).await, [""; 0]);
}
