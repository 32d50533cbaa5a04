//! Who is compared, and how both sides of each are started.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use groupcache::Protocol;

use super::driver::{THREADS, ask, serve};
use super::{groupcache_0_3, hyper_h1, memcached, node, raw_tcp, redis_multiplexed};
use crate::go::Modules;
use crate::harness;
use crate::process::Process;

/// The part of the bench that a child's task begins with.
pub(crate) const TASK: &str = "remote";

/// A way to get a value from another process.
pub(super) struct Subject {
    pub(super) name: &'static str,
    server: Server,
    client: Client,
}

enum Server {
    /// This program, as a child. Prints `ready ADDRESS` and serves until it is killed.
    Child(fn() -> Result<()>),
    /// A program that is installed, given a port.
    Installed(fn(u16) -> Command),
    /// The Go program.
    Go,
}

enum Client {
    /// This program, as a child. Answers loads on stdin with timings on stdout, or with `failed: ERROR`.
    Child(fn(SocketAddr) -> Result<()>),
    /// The Go program, which does so too.
    Go,
}

pub(super) const NATIVE: &str = "native";
pub(super) const GOLANG_DIALECT: &str = "golang dialect";
pub(super) const MEMCACHED: &str = "memcached";
pub(super) const REDIS: &str = "redis multiplexed";
pub(super) const RAW_TCP: &str = "raw TCP";
pub(super) const HYPER_H1: &str = "hyper h1";
pub(super) const GOLANG: &str = "golang";

/// All that are compared. Ours come first.
pub(super) const SUBJECTS: &[Subject] = &[
    Subject {
        name: NATIVE,
        server: Server::Child(|| serve(|listener| node::serve(listener, Protocol::Native))),
        client: Client::Child(|owner| ask(node::Asker::connect(owner, Protocol::Native))),
    },
    Subject {
        name: GOLANG_DIALECT,
        server: Server::Child(|| serve(|listener| node::serve(listener, Protocol::Golang))),
        client: Client::Child(|owner| ask(node::Asker::connect(owner, Protocol::Golang))),
    },
    Subject {
        name: "gRPC",
        server: Server::Child(|| {
            serve(|listener| node::serve(listener, Protocol::GalaxycacheGrpc))
        }),
        client: Client::Child(|owner| ask(node::Asker::connect(owner, Protocol::GalaxycacheGrpc))),
    },
    Subject {
        name: MEMCACHED,
        server: Server::Installed(memcached::server),
        client: Client::Child(|server| ask(memcached::Memcached::connect(server))),
    },
    Subject {
        name: REDIS,
        server: Server::Installed(redis_multiplexed::server),
        client: Client::Child(|server| ask(redis_multiplexed::Redis::connect(server))),
    },
    Subject {
        name: RAW_TCP,
        server: Server::Child(|| serve(raw_tcp::serve)),
        client: Client::Child(|server| ask(raw_tcp::RawTcp::connect(server))),
    },
    Subject {
        name: HYPER_H1,
        server: Server::Child(|| serve(hyper_h1::serve)),
        client: Client::Child(|server| ask(hyper_h1::HyperH1::connect(server))),
    },
    Subject {
        name: "groupcache 0.3",
        server: Server::Child(|| serve(groupcache_0_3::serve)),
        client: Client::Child(|owner| ask(groupcache_0_3::Asker::connect(owner))),
    },
    Subject {
        name: GOLANG,
        server: Server::Go,
        client: Client::Go,
    },
];

/// Both sides of a subject, as processes.
pub(super) struct Sides {
    pub(super) server: Process,
    pub(super) address: SocketAddr,
    pub(super) client: Process,
}

impl Subject {
    /// Starts both sides. Fails if a program is missing.
    pub(super) fn start(&self, go: &io::Result<Modules>) -> Result<Sides> {
        let go = |role: &str| -> Result<Command> {
            let modules = go.as_ref().map_err(|error| anyhow!("{error}"))?;
            let mut command = modules.command();
            command.arg(role).env("GOMAXPROCS", THREADS.to_string());
            Ok(command)
        };
        let (server, address) = match self.server {
            Server::Child(_) => ready(&mut harness::command([TASK, "serve", self.name])?)?,
            Server::Installed(server) => listening(server)?,
            Server::Go => ready(&mut go("serve")?)?,
        };
        let mut client = match self.client {
            Client::Child(_) => harness::command([TASK, "ask", self.name])?,
            Client::Go => go("ask")?,
        };
        Ok(Sides {
            server,
            address,
            client: Process::start(client.arg(address.to_string()))?,
        })
    }
}

/// A program that prints its address once it serves.
fn ready(command: &mut Command) -> Result<(Process, SocketAddr)> {
    let mut server = Process::start(command)?;
    let line = server.line()?;
    let address = line.strip_prefix("ready ").map(str::parse);
    let address = address.ok_or_else(|| anyhow!("a server says {line:?}"))?;
    Ok((server, address?))
}

/// A program that is told its port. Waits until the program accepts connections.
pub(crate) fn listening(server: fn(u16) -> Command) -> Result<(Process, SocketAddr)> {
    // Another process may get the port meanwhile, in which case the program ends.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let mut command = server(free.port());
    let started = Process::start(command.stderr(Stdio::inherit()));
    let name = command.get_program().display();
    let server = started.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => anyhow!("{name} is not installed"),
        _ => error.into(),
    })?;
    let deadline = Instant::now() + Duration::from_secs(5);
    while let Err(error) = TcpStream::connect(free) {
        if Instant::now() > deadline {
            bail!("{name}: {error}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok((server, free))
}

/// In a child: one side of a subject.
pub(crate) fn task(task: &[String]) -> Result<()> {
    let unknown = || anyhow!("no such task: {}", task.join(" "));
    let [role, name, address @ ..] = task else {
        return Err(unknown());
    };
    let subject = SUBJECTS.iter().find(|subject| subject.name == name);
    let subject = subject.ok_or_else(unknown)?;
    match (role.as_str(), address, &subject.server, &subject.client) {
        ("serve", [], Server::Child(serve), _) => serve(),
        ("ask", [address], _, Client::Child(ask)) => ask(address.parse()?),
        _ => Err(unknown()),
    }
}
