//! Three nodes, and a slow function that runs once for all of them.
//!
//! They share this process, on free ports, so that one command shows it all. In real life each node
//! is a process of its own and knows its address; nothing else changes.

use std::error::Error;
use std::time::{Duration, Instant};

use groupcache::{Key, Node};
use tokio::net::TcpListener;

/// What is worth caching.
async fn render(key: Key) -> Result<String, std::str::Utf8Error> {
    println!("  rendering {} ...", key.to_str()?);
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(format!("a thumbnail of {}", key.to_str()?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut listeners, mut urls) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        urls.push(format!("http://{}", listener.local_addr()?));
        listeners.push(listener);
    }

    // A node is its own address, its peers' addresses, and a place to listen. A group is a name, a
    // budget in bytes, and the function that makes a value.
    let (mut nodes, mut groups) = (Vec::new(), Vec::new());
    for (url, listener) in urls.iter().zip(listeners) {
        let node = Node::builder(url)
            .peers(&urls)
            .listener(listener)
            .start()
            .await?;
        groups.push(node.group("thumbnails", 64 << 20, render).build()?);
        nodes.push(node);
    }

    for round in ["all at once, cold", "all at once, warm"] {
        println!("Three nodes are asked for cat.png, {round}:");
        let start = Instant::now();
        let (ada, bob, eve) = tokio::try_join!(
            groups[0].entry("cat.png"),
            groups[1].entry("cat.png"),
            groups[2].entry("cat.png"),
        )?;
        for (number, entry) in (1..).zip([ada, bob, eve]) {
            println!(
                "  node {number}: {:?}, from {}",
                entry.value(),
                entry.source()
            );
        }
        println!("  {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }

    for node in nodes {
        node.shutdown().await;
    }
    Ok(())
}
