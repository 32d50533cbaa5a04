//! Certificates, made for one test and gone after it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use peers::{ClientAuth, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};

/// An authority of its own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Each has a name of its own, so that none is taken for another one with a wrong signature.
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", NUMBER.fetch_add(1, Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn root(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this name, for servers and clients.
    pub(crate) fn issue(&self, name: &str) -> Pair {
        self.issue_with(name, |_| {})
    }

    /// One that has expired years ago.
    pub(crate) fn issue_expired(&self, name: &str) -> Pair {
        self.issue_with(name, |params| {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        })
    }

    /// One that expires at this time.
    pub(crate) fn issue_until(&self, name: &str, end: SystemTime) -> Pair {
        let end = end.duration_since(UNIX_EPOCH).unwrap();
        self.issue_with(name, |params| {
            params.not_after = date_time_ymd(1970, 1, 1) + end;
        })
    }

    fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Pair {
            chain: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// The settings of a node with this certificate that takes this authority's word.
    pub(crate) fn tls(&self, pair: &Pair) -> Tls {
        Tls::from_pem(pair.chain.clone(), pair.key.clone()).roots_pem(self.root())
    }

    /// The same, with certificates on both sides.
    pub(crate) fn mutual(&self, pair: &Pair) -> Tls {
        self.tls(pair).client_auth(ClientAuth::Required)
    }
}
