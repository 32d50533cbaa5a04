//! Nodes that talk only to their own.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::{FRONTEND, SERVICE, Server};

/// The files of a certificate for the local machine, and how its servers are asked by users, who have none.
struct Pki {
    flags: Vec<String>,
    user: Arc<ClientConfig>,
}

impl Pki {
    fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap());
        let authority = authority.unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            std::fs::write(&file, text).unwrap();
            file.display().to_string()
        };
        let flags = [
            ("--tls-cert", write("node.pem", certificate.pem())),
            ("--tls-key", write("node.key", key.serialize_pem())),
            ("--tls-roots", write("roots.pem", authority.pem())),
        ];
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.pem().as_bytes());
        roots.add(root.unwrap()).unwrap();
        let user = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            flags: flags
                .into_iter()
                .flat_map(|(flag, file)| [flag.to_owned(), file])
                .collect(),
            user: Arc::new(user),
        }
    }

    fn start(&self, program: &str, more: &[&str]) -> Server {
        let flags = self.flags.iter().map(String::as_str);
        let flags: Vec<&str> = flags.chain(more.iter().copied()).collect();
        Server::start(program, &flags).over_tls(&self.user)
    }
}

#[test]
fn three_frontends_with_certificates_on_both_sides_load_each_key_once() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    let nodes = [(); 3].map(|()| pki.start(FRONTEND, &["--mutual", "--promoter", "never"]));
    let members = json!(nodes.each_ref().map(Server::url)).to_string();
    for node in &nodes {
        assert_eq!(node.ask("PUT", "/api/peers", &members).status, 200);
    }
    let keys: Vec<String> = (0..20).map(|n| format!("/api/get?key={n}")).collect();
    for key in &keys {
        for node in &nodes {
            assert_eq!(node.get(key).status, 200);
        }
    }
    let calls = nodes.each_ref().map(|node| node.json("/api/stats"));
    let calls = calls.iter().map(|stats| stats["getter_calls"].as_u64());
    assert_eq!(calls.sum::<Option<u64>>(), Some(keys.len() as u64));

    // Who shows no certificate is no peer.
    for (method, target) in [
        ("GET", "/_groupcache/demo/1"),
        ("DELETE", "/_groupcache/demo/1"),
    ] {
        let answer = nodes[0].ask(method, target, "");
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    assert_eq!(nodes[0].get("/healthz").status, 200);
}

#[test]
fn services_with_certificates_share_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    let database = folder.path().join("test.sqlite").display().to_string();
    let first = pki.start(SERVICE, &["--database", &database]);
    let second = ["--database", &database, "--peers", &first.url()];
    let second = pki.start(SERVICE, &second);
    let mut fetched = 0;
    for n in 0..20 {
        let target = format!("/config/{n}");
        let put = first.send("PUT", &target, "application/json", "1");
        assert_eq!(put.status, 204, "{put:?}");
        let answer = second.get(&target);
        assert_eq!(answer.body, "1");
        fetched += usize::from(answer.source() == "peer");
    }
    assert!(fetched > 0, "the second node has asked the first");
}

#[test]
fn who_has_another_token_reads_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, tokens: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, tokens).unwrap();
        path.display().to_string()
    };
    let (ours, next, theirs) = (
        file("ours", "open sesame\n"),
        file("next", "a new one\n\nopen sesame\n"),
        file("theirs", "guessed\n"),
    );
    let start = |file: &str| {
        let mut command = Command::new(FRONTEND);
        command.env("GROUPCACHE_TOKEN_FILE", file);
        Server::start_with(&mut command, &["--promoter", "never"])
    };
    let node = start(&ours);
    let direct = |token: &str| {
        let header = format!("authorization: Bearer {token}");
        let answer = node.send_with("GET", "/_groupcache/demo/1", &header, "");
        answer.status
    };
    assert_eq!(node.get("/_groupcache/demo/1").status, 401);
    assert_eq!((direct("guessed"), direct("open sesame")), (401, 200));

    // A node whose file has both tokens accepts both, and one with another token is refused.
    for (file, is_one_of_us) in [(&ours, true), (&next, false), (&theirs, false)] {
        let other = start(file);
        let members = json!([node.url(), other.url()]).to_string();
        assert_eq!(other.ask("PUT", "/api/peers", &members).status, 200);
        let mut sources = (0..20).map(|n| {
            let answer = other.get(&format!("/api/get?key={n}"));
            assert_eq!(answer.status, 200);
            answer.source().to_owned()
        });
        let has_fetched = sources.any(|source| source == "peer");
        assert_eq!(has_fetched, is_one_of_us, "{file}");
    }
    let rotated = start(&next);
    for token in ["open sesame", "a new one"] {
        let header = format!("authorization: Bearer {token}");
        let answer = rotated.send_with("GET", "/_groupcache/demo/1", &header, "");
        assert_eq!(answer.status, 200, "{token}");
    }
}
