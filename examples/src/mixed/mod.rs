//! A Go service with golang/groupcache and a node of ours in one cluster. Needs Go.
//!
//! ```text
//! mixed
//! ```
//!
//! Builds the Go service of [`examples/mixed`] from its published modules, starts it beside a node in this process, and asks
//! both of them for the same keys. Each key has one owner, whichever of the two is asked, and is loaded once. One table
//! shows it; if it is not so, the program fails.
//!
//! This is how a cluster moves from Go to Rust: node by node, over golang/groupcache's own protocol.
//!
//! [`examples/mixed`]: https://github.com/groupcache-rs/groupcache-rs/tree/main/examples/mixed

mod go_service;
mod greeting;

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Parser;
use comfy_table::{Table, presets};
use groupcache::{Group, Key, Node, Protocol};
use tokio::net::TcpListener;

use crate::BoxError;
use go_service::GoService;
use greeting::Greeting;

/// A Go service and a node of ours in one cluster.
#[derive(Debug, Parser)]
#[command(name = "mixed", version)]
pub struct Options {
    /// Keys to ask for.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..))]
    keys: u16,
    /// Folder of the Go service.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/mixed"), hide_default_value = true)]
    go: PathBuf,
}

/// Asks both services for all keys, and prints what they said.
///
/// # Errors
///
/// When the Go service cannot be built, or the two do not agree.
pub async fn run(options: Options) -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let go = GoService::start(&options.go, &url).await?;
    let node = Node::builder(&url)
        .peers([&url, go.url()])
        // The protocol has the ring too: crc32, fifty points for each member.
        .protocol(Protocol::Golang)
        .listener(listener)
        .start()
        .await?;
    let group = node
        .group("greetings", 64 << 20, |key: Key| async move {
            Ok::<_, Infallible>(format!("hello {key}, says Rust"))
        })
        .build()?;

    let mut greetings = Vec::new();
    for number in 0..options.keys {
        let key = format!("user-{number}");
        let owner = node.owner(&key).ok_or("a ring without members")?;
        let owner = if owner == *node.member() {
            "Rust"
        } else {
            "Go"
        };
        let (of_go, of_ours) = ask(&go, &group, &key, number % 2 == 0).await?;
        greetings.push(Greeting {
            key,
            owner,
            of_go,
            of_ours,
        });
    }
    let loads = [go.loads().await?, group.stats().getter_calls];
    println!("{}", table(&greetings));
    println!(
        "{} keys, each asked of both. Loads: {} by the Go service, {} by the node in Rust.",
        options.keys, loads[0], loads[1]
    );
    node.shutdown().await;
    greeting::check(&greetings, loads)
}

/// Asks one of the two first and the other one after it.
async fn ask(
    go: &GoService,
    group: &Group,
    key: &str,
    go_first: bool,
) -> Result<(String, String), BoxError> {
    let ours = async {
        let value = group.get(key).await?;
        Ok::<_, BoxError>(String::from_utf8_lossy(&value).into_owned())
    };
    if go_first {
        let of_go = go.greet(key).await?;
        Ok((of_go, ours.await?))
    } else {
        let of_ours = ours.await?;
        Ok((go.greet(key).await?, of_ours))
    }
}

fn table(greetings: &[Greeting]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "key",
        "owner",
        "the Go service",
        "the node in Rust",
    ]);
    for greeting in greetings {
        table.add_row([
            &greeting.key,
            greeting.owner,
            &greeting.of_go,
            &greeting.of_ours,
        ]);
    }
    table
}
