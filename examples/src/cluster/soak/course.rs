use http::Method;
use serde_json::Value;

use crate::BoxError;
use crate::client::Client;
use crate::cluster::nodes::Nodes;
use crate::cluster::sample::Sample;

/// Something that a node holds, and how much more of it the second half of a soak may show than the first.
#[derive(Debug)]
pub(super) struct Quantity {
    pub(super) name: &'static str,
    /// Beside a tenth. Memory that was given back and taken again lies elsewhere, and the pools of connections and
    /// blocking threads breathe.
    spare: u64,
}

pub(super) const QUANTITIES: [Quantity; 4] = [
    Quantity {
        name: "resident_bytes",
        spare: 16 << 20,
    },
    Quantity {
        name: "descriptors",
        spare: 64,
    },
    Quantity {
        name: "threads",
        spare: 8,
    },
    Quantity {
        name: "tasks",
        spare: 128,
    },
];

/// What a node holds at one moment, in the order of [`QUANTITIES`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Held([u64; QUANTITIES.len()]);

/// The same over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Course(Vec<Held>);

impl Held {
    pub(super) async fn by(nodes: &Nodes, node: usize, client: &Client) -> Result<Self, BoxError> {
        let url = format!("{}/api/runtime", nodes.url(node));
        let runtime = client.send_ok(Method::GET, &url, "").await?;
        let runtime: Value = serde_json::from_slice(&runtime)?;
        let tasks = runtime["tasks"].as_u64();
        let sample = Sample::of(nodes.process_id(node).await?)?;
        Ok(Self([
            sample.resident,
            sample.descriptors,
            sample.threads,
            tasks.ok_or("a node does not tell how many tasks it has")?,
        ]))
    }
}

impl Course {
    pub(super) fn push(&mut self, held: Held) {
        self.0.push(held);
    }

    pub(super) fn of(&self, quantity: usize) -> Vec<u64> {
        self.0.iter().map(|held| held.0[quantity]).collect()
    }

    /// The typical values of the first and of the second half.
    pub(super) fn halves(&self, quantity: usize) -> [u64; 2] {
        let all = self.of(quantity);
        let (first, second) = all.split_at(all.len() / 2);
        [first, second].map(median)
    }

    /// Whether each half has something to compare.
    pub(super) fn has_halves(&self) -> bool {
        self.0.len() >= 2
    }

    /// Whether there was more in the second half than chance explains.
    pub(super) fn has_grown(&self, quantity: usize) -> bool {
        let [first, second] = self.halves(quantity);
        second > first + first / 10 + QUANTITIES[quantity].spare
    }
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(descriptors: impl IntoIterator<Item = u64>) -> Course {
        let held = descriptors.into_iter().map(|n| Held([0, n, 0, 0]));
        Course(held.collect())
    }

    #[test]
    fn what_goes_up_all_the_time_has_grown() {
        let leak = course((0..100).map(|second| 100 + second * 5));
        assert_eq!(leak.halves(1), [225, 475]);
        assert!(leak.has_grown(1));
    }

    #[test]
    fn what_goes_up_and_down_has_not() {
        assert!(!course((0..100).map(|second| 100 + second % 2 * 900)).has_grown(1));
        assert!(!course((0..100).map(|second| 100 + second / 50 * 60)).has_grown(1));
        assert!(!course([]).has_halves() && !course([100]).has_halves());
        assert!(course([100, 100]).has_halves());
    }
}
