//! Certificates, made for one test and gone after it.

use groupcache::Tls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority of its own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// The settings of a node that has a certificate of this authority for this name, and takes its word.
    pub fn tls(&self, name: &str) -> Tls {
        let (chain, key) = self.issue(name);
        Tls::from_pem(chain, key).roots_pem(self.0.pem())
    }

    /// Writes the files of a node with such a certificate: `chain.pem`, `key.pem`, `roots.pem`.
    pub fn write(&self, name: &str, write: impl Fn(&str, String)) {
        let (chain, key) = self.issue(name);
        write("chain.pem", chain);
        write("key.pem", key);
        write("roots.pem", self.0.pem());
    }

    fn issue(&self, name: &str) -> (String, String) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.0).unwrap().pem();
        (chain, key.serialize_pem())
    }
}
