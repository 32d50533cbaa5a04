use std::path::PathBuf;
use std::time::Duration;

use peers::kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
};
use peers::kube::config::AuthInfo;
use peers::kube::{Client, Config};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{EtcdServer, Program, free_port, soon};

const TOKEN: &str = "token-of-the-tests";

/// An API server of Kubernetes with an etcd, and nothing else: nobody runs pods.
pub(crate) struct KubeApiserver {
    path: PathBuf,
    folder: TempDir,
    etcd: EtcdServer,
    port: u16,
    program: Option<Program>,
}

impl KubeApiserver {
    /// Starts the program that the variable `GROUPCACHE_KUBE_APISERVER` names.
    pub(crate) async fn start() -> Self {
        let path = std::env::var_os("GROUPCACHE_KUBE_APISERVER");
        let path = path.expect("GROUPCACHE_KUBE_APISERVER names no kube-apiserver");
        let folder = TempDir::new().unwrap();
        let write = |name, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("tokens.csv", &format!("{TOKEN},tests,tests\n"));
        let key = rcgen::KeyPair::generate().unwrap();
        write("accounts.pem", &key.serialize_pem());
        write("accounts.pub", &key.public_key_pem());
        let mut server = Self {
            path: path.into(),
            folder,
            etcd: EtcdServer::start().await.expect("etcd is installed"),
            port: free_port(),
            program: None,
        };
        server.run().await;
        server.create_namespace("prod").await;
        server
    }

    async fn run(&mut self) {
        let file = |name| self.folder.path().join(name);
        let mut command = Command::new(&self.path);
        command
            .args([
                "--bind-address=127.0.0.1",
                "--authorization-mode=AlwaysAllow",
            ])
            .args([
                "--service-cluster-ip-range=10.96.0.0/16",
                "--disable-admission-plugins=ServiceAccount",
            ])
            .args([
                "--service-account-issuer=https://localhost",
                "--api-audiences=tests",
            ])
            .arg(format!("--secure-port={}", self.port))
            .arg(format!("--etcd-servers={}", self.etcd.url()))
            .arg("--cert-dir")
            .arg(file("certificates"))
            .arg("--token-auth-file")
            .arg(file("tokens.csv"))
            .arg("--service-account-key-file")
            .arg(file("accounts.pub"))
            .arg("--service-account-signing-key-file")
            .arg(file("accounts.pem"));
        self.program = Program::start(&mut command, "Serving securely on").await;
        assert!(self.program.is_some(), "kube-apiserver has ended");
        let ready = async {
            let is_ready = || async {
                let request = http::Request::get("/readyz").body(Vec::new()).unwrap();
                self.client().request_text(request).await.is_ok()
            };
            while !is_ready().await {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ready)
            .await
            .expect("kube-apiserver becomes ready");
    }

    /// A client that takes the server's own certificate.
    pub(crate) fn client(&self) -> Client {
        let url = format!("https://127.0.0.1:{}", self.port);
        let mut config = Config::new(url.parse().unwrap());
        config.accept_invalid_certs = true;
        config.auth_info = AuthInfo {
            token: Some(TOKEN.to_owned().into()),
            ..AuthInfo::default()
        };
        Client::try_from(config).unwrap()
    }

    async fn create_namespace(&self, name: &str) {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let request = http::Request::post("/api/v1/namespaces")
            .header("content-type", "application/json")
            .body(object.to_string().into_bytes())
            .unwrap();
        let client = self.client();
        let created = client.request::<Value>(request);
        soon("a namespace", created).await.unwrap();
    }

    fn slices(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("discovery.k8s.io", "v1", "EndpointSlice");
        let resource = ApiResource::from_gvk(&kind);
        Api::namespaced_with(self.client(), "prod", &resource)
    }

    /// Creates a slice, or replaces what is in it.
    pub(crate) async fn put(&self, name: &str, mut slice: Value) {
        slice["metadata"]["name"] = name.into();
        let apply = PatchParams::apply("tests").force();
        let (slices, patch) = (self.slices(), Patch::Apply(&slice));
        soon("a slice", slices.patch(name, &apply, &patch))
            .await
            .unwrap();
    }

    pub(crate) async fn delete(&self, name: &str) {
        let (slices, options) = (self.slices(), DeleteParams::default());
        let deleted = slices.delete(name, &options);
        drop(soon("a deletion", deleted).await.unwrap());
    }

    /// Kills the server, and starts it again on its port.
    pub(crate) async fn restart(&mut self) {
        self.program.take().unwrap().kill().await;
        self.run().await;
    }
}
