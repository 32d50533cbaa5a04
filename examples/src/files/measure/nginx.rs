use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::ensure;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// How long it may take to start, in steps of 10 ms.
const STEPS: u32 = 500;

/// nginx, which serves the same folder by sendfile.
pub(super) struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// None if nginx is not installed.
    pub(super) async fn start(files: &Path) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        // Nobody else is given the port in the short time until nginx has it.
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "daemon off; worker_processes auto; pid {}; error_log {};\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;\n\
             client_body_temp_path {}; proxy_temp_path {}; fastcgi_temp_path {}; uwsgi_temp_path {}; scgi_temp_path {};\n\
             server {{ listen {address}; location /files/ {{ alias {}/; }} }} }}\n",
            at("pid"),
            at("error.log"),
            at("body"),
            at("proxy"),
            at("fastcgi"),
            at("uwsgi"),
            at("scgi"),
            files.display(),
        );
        // Its workers may belong to another user.
        readable(files)?;
        fs::write(at("nginx.conf"), config)?;
        let mut command = Command::new("nginx");
        command.args([
            "-c",
            &at("nginx.conf"),
            "-p",
            &at(""),
            "-e",
            &at("error.log"),
        ]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            child => child?,
        };
        for _ in 0..STEPS {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(Some(Self {
                    child,
                    address,
                    _folder: folder,
                }));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let log = fs::read_to_string(at("error.log")).unwrap_or_default();
        ensure!(false, "nginx does not start: {log}");
        Ok(None)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Its workers end with it if it is asked to end, and not if it is killed.
impl Drop for Nginx {
    fn drop(&mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            // An error means that it has ended.
            _ = kill_process(id, Signal::TERM);
        }
    }
}

fn readable(folder: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    _ = folder;
    Ok(())
}
