//! A Go node that stops and comes back.

use std::time::Duration;

use groupcache::{CircuitOptions, Group};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::go_node::Signal;
use crate::keys;
use crate::mixed::{GO, Mixed, NODES, loads_by};
use crate::program::Program;
use crate::source::value_of;

pub async fn no_get_fails_when_the_go_node_is_told_to_end(program: Program) {
    no_get_fails_when_the_go_node_ends(program, Signal::Term).await;
}

pub async fn no_get_fails_when_the_go_node_is_killed(program: Program) {
    no_get_fails_when_the_go_node_ends(program, Signal::Kill).await;
}

async fn no_get_fails_when_the_go_node_ends(program: Program, signal: Signal) {
    let mut mixed = Mixed::start(program).await;
    let keys = keys::awkward();
    for (turn, key) in keys.iter().enumerate() {
        mixed.get(turn % 3, key).await.unwrap();
    }
    let mut loads = [0, 1].map(|node| Load::on(node, &mixed.groups[node]));
    for load in &mut loads {
        load.serves(200).await;
    }
    mixed.go.stop(signal).await;
    for load in &mut loads {
        load.serves(200).await;
    }
    for load in loads {
        load.end().await;
    }
    for key in &keys {
        for asked in [0, 1] {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
    }
    // The survivors agree on who takes over.
    let orphan = mixed.key_owned_by(GO, "orphan");
    for asked in [0, 1] {
        mixed.get(asked, &orphan).await.unwrap();
    }
    assert_eq!(mixed.our_loads_of(&orphan), 1);
}

pub async fn a_go_node_that_comes_back_is_used_again(program: Program) {
    let back_off = Duration::from_millis(20);
    let mut mixed = Mixed::start_with(
        program,
        move |node| node.circuit(CircuitOptions::default().back_off(back_off)),
        |group| group,
    )
    .await;
    mixed.go.stop(Signal::Kill).await;
    for asked in [0, 1] {
        let key = mixed.key_owned_by(GO, &format!("{asked} away "));
        mixed.get(asked, &key).await.unwrap();
        assert_eq!(mixed.our_loads_of(&key), 1);
    }

    mixed.go.restart().await;
    mixed.introduce().await;
    for asked in [0, 1] {
        let prefix = format!("{asked} back ");
        let mut keys = mixed.keys_owned_by(GO, &prefix);
        let used_again = async {
            loop {
                let key = keys.next().unwrap();
                mixed.get(asked, &key).await.unwrap();
                if mixed.our_loads_of(&key) == 0 {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(30), used_again)
            .await
            .expect("the back-off ends");
    }
    for asked in NODES {
        for owner in NODES {
            let key = mixed.key_owned_by(owner, &format!("{asked} as before "));
            assert_eq!(mixed.get(asked, &key).await, Ok(value_of(key.as_bytes())));
            assert_eq!(mixed.loads_of(&key).await, loads_by(owner, 1), "{key}");
        }
    }
}

/// Callers that ask a node for one new key after another.
struct Load {
    /// Carries one message for each get. The callers end when this channel is closed.
    served: mpsc::UnboundedReceiver<()>,
    callers: JoinSet<()>,
}

impl Load {
    fn on(node: usize, group: &Group) -> Self {
        let (sender, served) = mpsc::unbounded_channel();
        let mut callers = JoinSet::new();
        for caller in 0..4 {
            let (group, sender) = (group.clone(), sender.clone());
            callers.spawn(async move {
                for n in 0.. {
                    let key = format!("{n} of {node}/{caller}");
                    let value = group.get(&key).await.unwrap();
                    assert_eq!(value, value_of(key.as_bytes()));
                    if sender.send(()).is_err() {
                        return;
                    }
                }
            });
        }
        Self { served, callers }
    }

    /// Waits for the given number of gets that end from now on.
    async fn serves(&mut self, gets: usize) {
        while self.served.try_recv().is_ok() {}
        for _ in 0..gets {
            self.served.recv().await.expect("no get fails");
        }
    }

    /// Stops the callers, and checks that no get has failed.
    async fn end(self) {
        drop(self.served);
        self.callers.join_all().await;
    }
}
