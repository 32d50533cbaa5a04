//! Encrypted connections: every protocol over them, and who gets no connection, or no answer on one.

mod support;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use peers::testing::Network;
use peers::{
    Accepted, Access, BoxFuture, Certificates, ClientAuth, Connector as _, Error, ExpectedName,
    HttpOptions, HttpService, HttpTransport, Io, Listener, Member, PeerCertificate, PeerClient,
    Protocol, RemoteAddr, Roster, Server, ServerName, Tls, Tokens, Transport as _,
};
use support::log::Log;
use support::node::{Asked, Node};
use support::operations::{operations, supported};
use support::pki::{Authority, Pair};
use support::{CLIENT, Raw, SERVER, get, request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tracing_subscriber::filter::LevelFilter;

const NATIVE: Protocol = Protocol::Native;
const SERVER_IP: &str = "10.0.0.1";
const CLIENT_IP: &str = "10.0.0.2";
const SECOND: Duration = Duration::from_secs(1);

/// A server with certificates at [`SERVER`], the node behind it, and the members that it knows.
struct Secured {
    network: Network,
    node: Arc<Node>,
    members: watch::Sender<Arc<[Member]>>,
    protocol: Protocol,
    _server: Server,
}

fn members(urls: &[&str]) -> Arc<[Member]> {
    urls.iter().map(|url| url.parse().unwrap()).collect()
}

impl Secured {
    fn start(protocol: Protocol, certificates: &Certificates, options: HttpOptions) -> Self {
        let network = Network::new();
        let node = Arc::new(Node::new("url"));
        let known = members(&["https://10.0.0.1:8080", "https://10.0.0.2:8080"]);
        let members = watch::Sender::new(known);
        let options = if certificates.asks_for_certificates() {
            options.roster(Roster::new(members.subscribe()))
        } else {
            options
        };
        let service = HttpService::new(Arc::clone(&node) as _, protocol, options).unwrap();
        let listener = certificates.listener(network.listen(SERVER).unwrap());
        Self {
            node,
            members,
            protocol,
            _server: Server::start(listener, service).unwrap(),
            network,
        }
    }

    fn dial(&self, certificates: &Certificates, options: HttpOptions) -> Arc<dyn PeerClient> {
        self.dial_as(&format!("https://{SERVER}"), certificates, options)
    }

    fn dial_as(
        &self,
        member: &str,
        certificates: &Certificates,
        options: HttpOptions,
    ) -> Arc<dyn PeerClient> {
        let options = options
            .connector(self.network.connector(CLIENT))
            .tls(certificates);
        let transport = HttpTransport::new(self.protocol, options).unwrap();
        transport.dial(&member.parse().unwrap()).unwrap()
    }
}

fn load(tls: Tls) -> Certificates {
    tls.load().unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_operation_of_every_protocol_is_done_over_tls() {
    let authority = Authority::new();
    let server = load(authority.mutual(&authority.issue(SERVER_IP)));
    let client = load(authority.mutual(&authority.issue(CLIENT_IP)));
    for &protocol in Protocol::ALL {
        for multiplexing in [true, false] {
            let options = HttpOptions::default;
            let secured = Secured::start(protocol, &server, options());
            let client = secured.dial(&client, options().multiplexing(multiplexing));
            let mut done = 0;
            for (name, outcome) in operations(&*client).await {
                let Some(outcome) = outcome else { continue };
                outcome.unwrap_or_else(|error| panic!("{protocol}, {name}: {error}"));
                done += 1;
            }
            assert_eq!(done, supported(protocol));
            client.ping().await.unwrap();
            assert!(secured.node.asked().contains(&Asked::Load(b"k".into())));
            let large = client.get(get(b"size:1000000")).await.unwrap().value;
            assert_eq!(large.len(), 1_000_000);
        }
    }
}

/// What a node says when it refuses, for each of those who must not talk to it.
fn intruders(authority: &Authority) -> [(&'static str, Pair, &'static str); 4] {
    [
        (
            "no member",
            authority.issue("10.0.0.3"),
            "not that of a member",
        ),
        (
            "a name that is no member",
            authority.issue("cache.example"),
            "not that of a member",
        ),
        (
            "expired",
            authority.issue_expired(CLIENT_IP),
            "CertificateExpired",
        ),
        ("foreign", Authority::new().issue(CLIENT_IP), "UnknownCA"),
    ]
}

#[tokio::test(start_paused = true)]
async fn who_is_no_member_has_expired_or_is_a_stranger_reads_and_changes_nothing() {
    let authority = Authority::new();
    let server = load(authority.mutual(&authority.issue(SERVER_IP)));
    for (who, pair, why) in intruders(&authority) {
        let intruder = load(authority.mutual(&pair));
        for &protocol in Protocol::ALL {
            for multiplexing in [true, false] {
                let secured = Secured::start(protocol, &server, HttpOptions::default());
                let options = HttpOptions::default().multiplexing(multiplexing);
                let client = secured.dial(&intruder, options);
                let mut refused = 0;
                for (name, outcome) in operations(&*client).await {
                    let Some(outcome) = outcome else { continue };
                    let error = outcome.expect_err(name);
                    let text = error.to_string();
                    assert!(error.is_denied(), "{who}, {protocol}, {name}: {error:?}");
                    assert!(
                        text.contains(SERVER) && text.contains(why),
                        "{who}, {protocol}: {text}"
                    );
                    refused += 1;
                }
                assert_eq!(refused, supported(protocol), "{who}, {protocol}");
                assert_eq!(secured.node.asked(), [], "{who}, {protocol}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_certificates_are_optional_those_without_one_may_ask_what_needs_none() {
    let authority = Authority::new();
    let pair = authority.issue(SERVER_IP);
    let server = load(authority.tls(&pair).client_auth(ClientAuth::Optional));
    for (access, changes_only) in [(None, false), (Some(Access::Changes), true)] {
        let options = HttpOptions::default();
        let options = match access {
            Some(access) => options.access(access),
            None => options,
        };
        let secured = Secured::start(NATIVE, &server, options);
        let ask = |head: &'static str| {
            let io = bare_tls(&secured.network, &authority);
            async move {
                let mut raw = Raw::new(io.await);
                raw.send(request("/x").replace("GET /x", head)).await;
                raw.receive().await.unwrap().status()
            }
        };
        assert_eq!(ask("GET /healthz").await, 200);
        let expected = if changes_only { 200 } else { 401 };
        assert_eq!(ask("GET /_groupcache/g/k").await, expected);
        assert_eq!(secured.node.asked().is_empty(), !changes_only);
        assert_eq!(ask("DELETE /_groupcache/g/k").await, 401);
        assert_eq!(secured.node.asked(), []);
    }
}

/// An encrypted connection without a certificate of this side.
async fn bare_tls(network: &Network, authority: &Authority) -> Box<dyn Io> {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.root().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let url = format!("https://{SERVER}").parse().unwrap();
    let io = network.connector(CLIENT).connect(&url).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = SERVER_IP.try_into().unwrap();
    Box::new(connector.connect(name, io).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_node_does_not_talk_to_an_impostor() {
    let authority = Authority::new();
    let client = load(authority.tls(&authority.issue(CLIENT_IP)));
    let foreign = Authority::new().issue(SERVER_IP);
    for (pair, why) in [
        (authority.issue("10.0.0.3"), "NotValidForName"),
        (authority.issue("cache.example"), "NotValidForName"),
        (authority.issue_expired(SERVER_IP), "Expired"),
        (foreign, "UnknownIssuer"),
    ] {
        let server = load(authority.tls(&pair));
        for &protocol in Protocol::ALL {
            let secured = Secured::start(protocol, &server, HttpOptions::default());
            let options = HttpOptions::default().tokens(Tokens::new("for friends").unwrap());
            let client = secured.dial(&client, options);
            let error = client.get(get(b"k")).await.unwrap_err();
            assert!(error.is_transport() && !error.is_denied(), "{error}");
            let cause = std::error::Error::source(&error).unwrap().to_string();
            let cause = cause.replace("certificate not valid for name", "NotValidForName");
            let cause = cause.replace("certificate expired", "Expired");
            assert!(cause.contains(why), "{why}: {cause}");
            assert_eq!(secured.node.asked(), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_expected_name_may_be_the_members_id_or_one_for_all() {
    let authority = Authority::new();
    let server = load(authority.tls(&authority.issue("pod-0.cache")));
    let named = |name: &str| ServerName::new(name).unwrap();
    let url = format!("https://{SERVER}");
    for protocol in [NATIVE, Protocol::GalaxycacheGrpc] {
        let secured = Secured::start(protocol, &server, HttpOptions::default());
        for (member, expected, is_reached) in [
            (format!("pod-0.cache={url}"), ExpectedName::Id, true),
            (format!("pod-1.cache={url}"), ExpectedName::Id, false),
            (format!("pod-0.cache={url}"), ExpectedName::Host, false),
            (url.clone(), ExpectedName::Id, false),
            (url.clone(), ExpectedName::Fixed(named("pod-0.cache")), true),
            (url.clone(), ExpectedName::Fixed(named("cache")), false),
        ] {
            let tls = authority.tls(&authority.issue(CLIENT_IP)).expect(expected);
            let client = secured.dial_as(&member, &load(tls), HttpOptions::default());
            let got = client.get(get(b"k")).await;
            assert_eq!(got.is_ok(), is_reached, "{member}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_may_name_a_members_id_have_a_wildcard_or_be_on_the_list() {
    let authority = Authority::new();
    for (name, known, also, is_admitted) in [
        ("pod-1", "pod-1=https://10.9.9.9", "x", true),
        ("pod-2", "pod-1=https://10.9.9.9", "x", false),
        ("*.cache.svc", "https://pod-1.cache.svc", "x", true),
        ("*.cache.svc", "https://pod-1.other.svc", "x", false),
        (
            "admin.example",
            "https://pod-1.other.svc",
            "admin.example",
            true,
        ),
        ("::1", "https://[::1]:8080", "x", true),
    ] {
        let certificate = PeerCertificate::new(der(&authority.issue(name)));
        let roster = Roster::new(watch::Sender::new(members(&[known])).subscribe());
        let roster = roster.also([also]).unwrap();
        let options = HttpOptions::default().roster(roster);
        let node = Arc::new(Node::new("url"));
        let service = HttpService::new(node, NATIVE, options).unwrap();
        let mut asking = http::Request::get("/_groupcache/g/k")
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        asking.extensions_mut().insert(certificate);
        let answer = hyper::service::Service::call(&service, asking)
            .await
            .unwrap();
        let expected = if is_admitted { 200 } else { 403 };
        assert_eq!(answer.status(), expected, "{name} as {known}");
    }
    let roster = Roster::new(watch::Sender::new(members(&[])).subscribe());
    assert!(
        roster
            .also(["https://no.name"])
            .unwrap_err()
            .is_configuration()
    );
}

fn der(pair: &Pair) -> Vec<u8> {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pair.chain.as_bytes())
        .unwrap()
        .to_vec()
}

#[tokio::test(start_paused = true)]
async fn who_has_left_the_members_is_refused_on_the_connections_that_it_has() {
    let authority = Authority::new();
    let server = load(authority.mutual(&authority.issue(SERVER_IP)));
    let client = load(authority.mutual(&authority.issue(CLIENT_IP)));
    let (alone, both) = (
        members(&["https://10.0.0.1:8080"]),
        members(&["https://10.0.0.1:8080", "https://10.0.0.2"]),
    );
    for &protocol in Protocol::ALL {
        for multiplexing in [true, false] {
            let secured = Secured::start(protocol, &server, HttpOptions::default());
            let options = HttpOptions::default().multiplexing(multiplexing);
            let client = secured.dial(&client, options);
            client.get(get(b"k")).await.unwrap();
            secured.members.send_replace(Arc::clone(&alone));
            tokio::time::sleep(Duration::from_millis(1)).await;
            secured.node.asked();
            let error = client.get(get(b"k")).await.unwrap_err();
            assert!(error.is_denied(), "{protocol}: {error}");
            assert_eq!(secured.node.asked(), []);
            secured.members.send_replace(Arc::clone(&both));
            client.get(get(b"k")).await.unwrap();
        }
    }
}

/// Beside a certificate a node may ask for a token too.
#[tokio::test(start_paused = true)]
async fn where_both_are_asked_for_a_certificate_alone_is_not_enough() {
    let authority = Authority::new();
    let server = load(authority.mutual(&authority.issue(SERVER_IP)));
    let client = load(authority.mutual(&authority.issue(CLIENT_IP)));
    let with = || HttpOptions::default().tokens(Tokens::new("t").unwrap());
    let secured = Secured::start(NATIVE, &server, with());
    let got = secured
        .dial(&client, HttpOptions::default())
        .get(get(b"k"))
        .await;
    assert!(got.unwrap_err().is_denied());
    secured.dial(&client, with()).get(get(b"k")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn plain_and_encrypted_ends_do_not_understand_each_other_and_do_not_hang() {
    let authority = Authority::new();
    let certificates = load(authority.tls(&authority.issue(SERVER_IP)));
    for &protocol in Protocol::ALL {
        let secured = Secured::start(protocol, &certificates, HttpOptions::default());
        let error = support::dial(&secured.network, protocol, HttpOptions::default())
            .get(get(b"k"))
            .await
            .unwrap_err();
        assert!(error.is_transport(), "{error}");
        assert_eq!(secured.node.asked(), []);

        let network = Network::new();
        let (_server, node) =
            support::serve(&network, protocol, HttpOptions::default(), Node::new("url"));
        let plain = Secured { network, ..secured };
        let client = plain.dial(&certificates, HttpOptions::default());
        assert!(client.get(get(b"k")).await.unwrap_err().is_transport());
        assert_eq!(node.asked(), []);
        let http = plain.protocol;
        let options = HttpOptions::default().tls(&certificates);
        let transport = HttpTransport::new(http, options).unwrap();
        let refused = transport.dial(&Member::new("http://10.0.0.1:8080").unwrap());
        assert!(refused.unwrap_err().is_configuration(), "a plain URL");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_handshake_delays_nobody_and_ends_in_time() {
    let authority = Authority::new();
    let pair = authority.issue(SERVER_IP);
    let server = load(
        authority
            .tls(&pair)
            .max_handshakes(3)
            .handshake_timeout(2 * SECOND),
    );
    let client = load(authority.tls(&pair));
    let secured = Secured::start(NATIVE, &server, HttpOptions::default());
    let start = Instant::now();
    let mut slow = [
        Raw::connect(&secured.network).await,
        Raw::connect(&secured.network).await,
    ];
    tokio::task::yield_now().await;
    secured
        .dial(&client, HttpOptions::default())
        .get(get(b"k"))
        .await
        .unwrap();
    assert!(start.elapsed() < SECOND);

    // A third one takes the last place. One more ends the oldest, and does not wait.
    let _third = Raw::connect(&secured.network).await;
    let another = secured.dial(&client, HttpOptions::default());
    another.get(get(b"k")).await.unwrap();
    assert!(slow[0].is_closed().await);
    assert!(start.elapsed() < SECOND);
    assert!(slow[1].is_closed().await);
    let elapsed = start.elapsed();
    assert!((2 * SECOND..4 * SECOND).contains(&elapsed), "{elapsed:?}");
}

/// A listener that hands out what it is given.
struct Given(Vec<Accepted>);

impl Listener for Given {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        match self.0.pop() {
            Some(accepted) => Box::pin(async { Ok(accepted) }),
            None => Box::pin(std::future::pending()),
        }
    }

    fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        Ok(([127, 0, 0, 1], 1).into())
    }
}

#[tokio::test(start_paused = true)]
async fn the_listener_passes_on_what_it_knows_of_a_connection_and_survives_noise() {
    let authority = Authority::new();
    let certificates = load(authority.mutual(&authority.issue(SERVER_IP)));
    let (mut noise, noisy) = duplex(1 << 16);
    let (good, served) = duplex(1 << 16);
    let remote = RemoteAddr(([10, 0, 0, 2], 7).into());
    let accepted = vec![Accepted::new(served).with(remote), Accepted::new(noisy)];
    let mut listener = certificates.listener(Given(accepted));
    noise.write_all(&[b'x'; 4096]).await.unwrap();
    noise.shutdown().await.unwrap();

    struct Once(std::sync::Mutex<Option<Box<dyn Io>>>);
    impl std::fmt::Debug for Once {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Once")
        }
    }
    impl peers::Connector for Once {
        fn connect<'a>(&'a self, _: &'a http::Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
            let io = self.0.lock().unwrap().take();
            Box::pin(async { io.ok_or_else(|| io::ErrorKind::NotFound.into()) })
        }
    }
    let once = Once(std::sync::Mutex::new(Some(Box::new(good))));
    let connector = certificates.connector(once);
    let url = format!("https://{SERVER}").parse().unwrap();
    let (client, accepted) = tokio::join!(connector.connect(&url), listener.accept());
    let accepted = accepted.unwrap();
    assert_eq!(accepted.known::<RemoteAddr>(), Some(&remote));
    let certificate: &PeerCertificate = accepted.known().unwrap();
    assert!(certificate.is_for(&ServerName::new(SERVER_IP).unwrap()));
    assert!(!certificate.is_for(&ServerName::new("10.0.0.9").unwrap()));
    let (mut client, mut served) = (client.unwrap(), accepted.into_io());
    client.write_all(b"ping").await.unwrap();
    client.flush().await.unwrap();
    let mut read = [0; 4];
    served.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"ping");
    assert!(timeout(SECOND, listener.accept()).await.is_err());
}

fn assert_refused(result: Result<Certificates, Error>, what: &str) {
    let error = result.unwrap_err();
    assert!(error.is_configuration(), "{error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains(what), "{what}: {text}");
    assert!(!text.contains("PRIVATE"), "{text}");
}

#[test]
fn settings_that_cannot_work_are_refused_and_say_why() {
    let authority = Authority::new();
    let (pair, other) = (authority.issue("a"), authority.issue("a"));
    let tls = || authority.tls(&pair);
    let pem = |chain: &str, key: &str| {
        Tls::from_pem(chain.to_owned(), key.to_owned()).roots_pem(authority.root())
    };
    assert!(tls().load().is_ok());
    assert_refused(
        Tls::from_pem(pair.chain.clone(), pair.key.clone()).load(),
        "roots",
    );
    assert_refused(
        tls().roots_pem("no certificates").load(),
        "the roots: there is no certificate",
    );
    assert_refused(
        pem("", &pair.key).load(),
        "the certificates: there is no certificate",
    );
    assert_refused(
        pem(&pair.chain, "").load(),
        "the key: there is no private key",
    );
    assert_refused(pem(&pair.chain, &other.key).load(), "the key");
    assert_refused(pem(&pair.key, &pair.chain).load(), "there is no");
    assert_refused(
        tls()
            .client_pem(pair.chain.clone(), other.key.clone())
            .load(),
        "the client's key",
    );
    assert_refused(
        Tls::from_files("/nowhere/a.pem", "/nowhere/a.key")
            .roots_pem("x")
            .load(),
        "/nowhere/a.pem",
    );
    assert_refused(
        tls().handshake_timeout(Duration::ZERO).load(),
        "handshake_timeout",
    );
    assert_refused(tls().reload_every(Duration::MAX).load(), "reload_every");
    assert_refused(tls().max_handshakes(0).load(), "max_handshakes");
    let printed = format!("{:?} {:?}", tls(), tls().load().unwrap());
    assert!(
        !printed.contains("PRIVATE") && !printed.contains(&pair.key),
        "{printed}"
    );
}

/// The files of a certificate, its key and the roots.
struct Files(tempfile::TempDir);

impl Files {
    fn new(authority: &Authority, pair: &Pair) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write(authority, pair);
        files
    }

    /// The same with other roots.
    fn with_roots(authority: &Authority, pair: &Pair, roots: &[&Authority]) -> Self {
        let files = Self::new(authority, pair);
        files.write_roots(roots);
        files
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, authority: &Authority, pair: &Pair) {
        std::fs::write(self.path("chain.pem"), &pair.chain).unwrap();
        std::fs::write(self.path("key.pem"), &pair.key).unwrap();
        self.write_roots(&[authority]);
    }

    fn write_roots(&self, authorities: &[&Authority]) {
        let roots: String = authorities.iter().map(|it| it.root()).collect();
        std::fs::write(self.path("roots.pem"), roots).unwrap();
    }

    fn tls(&self) -> Tls {
        Tls::from_files(self.path("chain.pem"), self.path("key.pem"))
            .roots_file(self.path("roots.pem"))
    }
}

#[tokio::test(start_paused = true)]
async fn new_certificates_are_used_by_new_connections_and_the_old_connections_stay() {
    let (before, after) = (Authority::new(), Authority::new());
    let files = Files::new(&before, &before.issue(SERVER_IP));
    let server = load(
        files
            .tls()
            .client_auth(ClientAuth::Required)
            .reload_every(60 * SECOND),
    );
    let [old, new] =
        [&before, &after].map(|authority| load(authority.tls(&authority.issue(CLIENT_IP))));
    let secured = Secured::start(NATIVE, &server, HttpOptions::default());
    let options = || HttpOptions::default().client_idle_timeout(1000 * SECOND);
    let early = secured.dial(&old, options());
    early.get(get(b"k")).await.unwrap();
    let reaches = async |certificates| {
        let client = secured.dial(certificates, options());
        client.get(get(b"k")).await.is_ok()
    };
    assert!(reaches(&old).await && !reaches(&new).await);
    files.write(&after, &after.issue(SERVER_IP));
    files.write_roots(&[&before, &after]);
    tokio::time::sleep(59 * SECOND).await;
    assert!(reaches(&old).await && !reaches(&new).await);
    tokio::time::sleep(2 * SECOND).await;
    // The old client's roots do not vouch for the new certificate of the server.
    assert!(reaches(&new).await && !reaches(&old).await);
    let accepted = secured.network.accepted(SERVER);
    early.get(get(b"k")).await.unwrap();
    assert_eq!(
        secured.network.accepted(SERVER),
        accepted,
        "no new connection"
    );
}

/// Protocols, and whether they have one connection for all.
const FORMS: [(Protocol, bool); 4] = [
    (NATIVE, true),
    (NATIVE, false),
    (Protocol::Golang, false),
    (Protocol::GalaxycacheGrpc, false),
];

/// Asks for a value that takes five seconds, and waits until the node makes it.
async fn begin_slow_get(secured: &Secured, client: &Arc<dyn PeerClient>) -> JoinHandle<bool> {
    secured.node.asked();
    let client = Arc::clone(client);
    let asking = tokio::spawn(async move { client.get(get(b"slow:")).await.is_ok() });
    while !secured.node.asked().contains(&Asked::Load(b"slow:".into())) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    asking
}

#[tokio::test(start_paused = true)]
async fn connections_end_in_order_when_the_roots_vouch_for_the_client_no_more() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for (protocol, multiplexing) in FORMS {
        let files = Files::with_roots(&ours, &ours.issue(SERVER_IP), &[&ours, &theirs]);
        let tls = files.tls().client_auth(ClientAuth::Required);
        let server = load(tls.reload_every(Duration::ZERO));
        let pair = theirs.issue(CLIENT_IP);
        let stays = load(ours.tls(&ours.issue(CLIENT_IP)));
        let goes = load(theirs.tls(&pair).roots_pem(ours.root()));
        let secured = Secured::start(protocol, &server, HttpOptions::default());
        let options = || HttpOptions::default().multiplexing(multiplexing);
        let [stays, goes] = [&stays, &goes].map(|client| secured.dial(client, options()));
        stays.get(get(b"k")).await.unwrap();
        let slow = begin_slow_get(&secured, &goes).await;
        let accepted = secured.network.accepted(SERVER);

        files.write_roots(&[&ours]);
        assert!(server.reload().unwrap());
        tokio::time::sleep(SECOND).await;
        secured.node.asked();
        let error = goes.get(get(b"k")).await.unwrap_err();
        assert!(error.is_denied(), "{protocol}: {error}");
        assert_eq!(secured.node.asked(), [], "{protocol}");
        assert!(slow.await.unwrap(), "{protocol}: it was under way");
        let again = secured.network.accepted(SERVER);
        stays.get(get(b"k")).await.unwrap();
        assert!(again > accepted, "{protocol}: it has tried to come back");
        assert_eq!(secured.network.accepted(SERVER), again, "{protocol}");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_end_in_order_when_the_roots_vouch_for_the_server_no_more() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for (protocol, multiplexing) in FORMS {
        let files = Files::with_roots(&ours, &ours.issue(CLIENT_IP), &[&theirs]);
        let certificates = load(files.tls().reload_every(Duration::ZERO));
        let pair = theirs.issue(SERVER_IP);
        let server = load(theirs.mutual(&pair).roots_pem(ours.root()));
        let secured = Secured::start(protocol, &server, HttpOptions::default());
        let options = HttpOptions::default().multiplexing(multiplexing);
        let client = secured.dial(&certificates, options);
        let slow = begin_slow_get(&secured, &client).await;

        files.write_roots(&[&ours]);
        assert!(certificates.reload().unwrap());
        secured.node.asked();
        let error = client.get(get(b"k")).await.unwrap_err();
        assert!(error.is_transport() && !error.is_denied(), "{error}");
        assert_eq!(secured.node.asked(), [], "{protocol}");
        assert!(slow.await.unwrap(), "{protocol}: it was under way");

        files.write_roots(&[&ours, &theirs]);
        assert!(certificates.reload().unwrap());
        client.get(get(b"k")).await.unwrap();
    }
}

/// A client that goes on asking cannot keep its connection.
#[tokio::test(start_paused = true)]
async fn a_connection_that_may_go_on_no_more_is_cut_off_in_time() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for (protocol, multiplexing) in FORMS {
        let files = Files::with_roots(&ours, &ours.issue(SERVER_IP), &[&theirs]);
        let tls = files.tls().client_auth(ClientAuth::Required);
        let server = load(tls.reload_every(Duration::ZERO));
        let client = load(theirs.tls(&theirs.issue(CLIENT_IP)).roots_pem(ours.root()));
        let options = || HttpOptions::default().drain_timeout(2 * SECOND);
        let secured = Secured::start(protocol, &server, options());
        let client = secured.dial(&client, options().multiplexing(multiplexing));
        let slow = begin_slow_get(&secured, &client).await;
        let start = Instant::now();
        files.write_roots(&[&ours]);
        assert!(server.reload().unwrap());
        assert!(!slow.await.unwrap(), "{protocol}");
        let elapsed = start.elapsed();
        assert!(
            (2 * SECOND..3 * SECOND).contains(&elapsed),
            "{protocol}: {elapsed:?}"
        );
    }
}

/// Certificates go by the machine's own clock. One that lasts for seconds may be over before it is used.
#[tokio::test(start_paused = true)]
async fn connections_end_with_the_certificate_of_the_other_end() {
    for lasts in [2, 4, 8, 16, 32] {
        let (authority, end) = (Authority::new(), SystemTime::now() + lasts * SECOND);
        let (server, client) = (authority.issue(SERVER_IP), authority.issue(CLIENT_IP));
        let brief = |name| authority.issue_until(name, end);
        let mut clients = Vec::new();
        for (protocol, multiplexing) in FORMS {
            for (server, client) in [(&server, &brief(CLIENT_IP)), (&brief(SERVER_IP), &client)] {
                let every = |tls: Tls| load(tls.reload_every(SECOND));
                let server = every(authority.mutual(server));
                let secured = Secured::start(protocol, &server, HttpOptions::default());
                let options = HttpOptions::default().multiplexing(multiplexing);
                let client = secured.dial(&every(authority.tls(client)), options);
                if client.get(get(b"k")).await.is_ok() {
                    clients.push((protocol, secured, client));
                }
            }
        }
        if clients.len() < 2 * FORMS.len() || SystemTime::now() >= end {
            continue;
        }
        for (_, _, client) in &clients {
            client.get(get(b"k")).await.unwrap();
        }
        while SystemTime::now() <= end + SECOND {
            std::thread::sleep(Duration::from_millis(50));
        }
        tokio::time::sleep(20 * SECOND).await;
        for (protocol, secured, client) in clients {
            secured.node.asked();
            assert!(client.get(get(b"k")).await.is_err(), "{protocol}");
            assert_eq!(secured.node.asked(), [], "{protocol}");
        }
        return;
    }
    panic!("no certificate lasted long enough to be used");
}

#[tokio::test(start_paused = true)]
async fn a_dialler_too_uses_its_new_certificates() {
    let (before, after) = (Authority::new(), Authority::new());
    let files = Files::new(&before, &before.issue(CLIENT_IP));
    let client = load(files.tls().reload_every(Duration::ZERO));
    let server = load(after.mutual(&after.issue(SERVER_IP)));
    let secured = Secured::start(NATIVE, &server, HttpOptions::default());
    let client_of = || secured.dial(&client, HttpOptions::default());
    assert!(client_of().get(get(b"k")).await.is_err());
    files.write(&after, &after.issue(CLIENT_IP));
    tokio::time::sleep(1000 * SECOND).await;
    assert!(
        client_of().get(get(b"k")).await.is_err(),
        "nobody has looked at the files"
    );
    assert!(client.reload().unwrap());
    client_of().get(get(b"k")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_keeps_the_old_certificates_and_warns_once() {
    let authority = Authority::new();
    let pair = authority.issue(SERVER_IP);
    let files = Files::new(&authority, &pair);
    let log = Log::of(LevelFilter::INFO);
    let server = load(files.tls().reload_every(Duration::ZERO));
    let client = load(authority.tls(&pair));
    let secured = Secured::start(NATIVE, &server, HttpOptions::default());
    let reaches = async || {
        let client = secured.dial(&client, HttpOptions::default());
        client.get(get(b"k")).await.unwrap();
    };
    let other = authority.issue(SERVER_IP);
    for (name, content) in [
        ("chain.pem", ""),
        (
            "chain.pem",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
        ),
        ("key.pem", &other.key),
        ("roots.pem", &pair.key),
    ] {
        files.write(&authority, &pair);
        assert!(!server.reload().unwrap(), "nothing has changed");
        let before = log.lines("cannot be reloaded").len();
        std::fs::write(files.path(name), content).unwrap();
        for _ in 0..3 {
            let error = server.reload().unwrap_err();
            assert!(
                error.is_configuration() && error.to_string().contains(name),
                "{error}"
            );
            reaches().await;
        }
        assert_eq!(log.lines("cannot be reloaded").len(), before + 1, "{name}");
    }
    std::fs::remove_file(files.path("key.pem")).unwrap();
    assert!(server.reload().is_err());
    files.write(&authority, &other);
    assert!(server.reload().unwrap());
    reaches().await;
    assert_eq!(log.lines("were reloaded").len(), 1);
    assert_eq!(log.lines("PRIVATE"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_handshake_is_logged_with_the_address_of_the_peer() {
    let authority = Authority::new();
    let log = Log::of(LevelFilter::DEBUG);
    let server = load(authority.mutual(&authority.issue(SERVER_IP)));
    let intruder = load(authority.tls(&authority.issue_expired(CLIENT_IP)));
    let secured = Secured::start(NATIVE, &server, HttpOptions::default());
    let client = secured.dial(&intruder, HttpOptions::default());
    assert!(client.get(get(b"k")).await.is_err());
    tokio::time::sleep(2 * SECOND).await;
    let lines = log.lines("a TLS handshake has failed");
    assert!(!lines.is_empty());
    for line in lines {
        assert!(line.contains(CLIENT) && line.contains("xpired"), "{line}");
        assert!(line.contains("DEBUG"), "{line}");
    }
}
