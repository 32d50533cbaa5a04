/// What happened in one phase of a simulation.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) gets: u64,
    /// Exchanges with another node: the owner of a key, or its former owner.
    pub(super) fetches: u64,
    /// Reads of the database.
    pub(super) loads: u64,
    /// Reads of the database that would not have been needed if no cached value had been lost.
    pub(super) repeated_loads: u64,
    /// For each node, the gets of other nodes that it answered as a key's owner, and its own gets of its keys.
    pub(super) served: Vec<u64>,
    /// Connections at the end of the phase, if nodes keep one to each node that they have asked.
    pub(super) connections: u64,
    /// The share of the fullest node in the keys, relative to the mean.
    pub(super) key_balance: f64,
}

impl Phase {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            gets: 0,
            fetches: 0,
            loads: 0,
            repeated_loads: 0,
            served: vec![0; nodes],
            connections: 0,
            key_balance: 0.0,
        }
    }

    pub(super) fn connections_per_node(&self) -> f64 {
        self.connections as f64 / self.served.len() as f64
    }

    /// The load of the busiest owner, relative to the mean of all.
    pub(super) fn load_balance(&self) -> f64 {
        let sum: u64 = self.served.iter().sum();
        self.busiest() as f64 * self.served.len() as f64 / sum.max(1) as f64
    }

    /// The part of all gets that the busiest owner has to answer.
    pub(super) fn busiest_share(&self) -> f64 {
        self.busiest() as f64 / self.gets.max(1) as f64
    }

    fn busiest(&self) -> u64 {
        self.served.iter().copied().max().unwrap_or(0)
    }

    pub(super) fn fetches_per_get(&self) -> f64 {
        self.fetches as f64 / self.gets.max(1) as f64
    }

    pub(super) fn loads_per_get(&self) -> f64 {
        self.loads as f64 / self.gets.max(1) as f64
    }

    pub(super) fn repeated_loads_per_get(&self) -> f64 {
        self.repeated_loads as f64 / self.gets.max(1) as f64
    }
}
