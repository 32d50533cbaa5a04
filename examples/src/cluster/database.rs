use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use super::executable::Executable;
use super::process::Process;
use super::rows::Rows;
use crate::BoxError;
use crate::client::Client;

/// The database server, a process. Its file goes with it.
#[derive(Debug)]
pub(super) struct Database {
    process: Process,
    client: Client,
    _folder: TempDir,
}

impl Database {
    /// Starts a database with the rows in it.
    pub(super) async fn start(ip: IpAddr, delay: u64, rows: &Arc<Rows>) -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        let args = [
            format!("--listen={ip}:0"),
            format!("--delay={delay}"),
            format!("--data={}", folder.path().join("rows.sqlite").display()),
        ];
        let process = Process::start(&Executable::of("dbserver")?, args).await?;
        let client = Client::new();
        rows.write_to(&client, &process.url()).await?;
        Ok(Self {
            process,
            client,
            _folder: folder,
        })
    }

    pub(super) fn url(&self) -> String {
        self.process.url()
    }

    /// Has every read take this many milliseconds from now on.
    pub(super) async fn set_delay(&self, ms: u64) -> Result<(), BoxError> {
        self.tell("delay", ms.to_string()).await
    }

    /// Has every read fail from now on, or no longer.
    pub(super) async fn set_failing(&self, is_failing: bool) -> Result<(), BoxError> {
        self.tell("failing", is_failing.to_string()).await
    }

    async fn tell(&self, what: &str, value: String) -> Result<(), BoxError> {
        let url = format!("{}/{what}", self.url());
        self.client.send_ok(Method::PUT, &url, value).await?;
        Ok(())
    }

    /// What the server says of its reads.
    pub(super) async fn reads(&self) -> Result<Reads, BoxError> {
        let url = format!("{}/stats", self.url());
        let stats = self.client.send_ok(Method::GET, &url, "").await?;
        Ok(Reads(serde_json::from_slice(&stats)?))
    }
}

/// How often the database was read.
pub(super) struct Reads(Value);

impl Reads {
    pub(super) fn all(&self) -> u64 {
        self.0["gets"].as_u64().unwrap_or(0)
    }

    pub(super) fn of(&self, key: &str) -> u64 {
        self.0["gets_by_key"][key].as_u64().unwrap_or(0)
    }
}
