/// Which nodes have dialled which: with the native protocol, one connection from each asking node to each asked.
#[derive(Debug)]
pub(super) struct Links {
    nodes: usize,
    /// A bit for each pair.
    dialled: Vec<u64>,
    count: u64,
}

impl Links {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            nodes,
            dialled: vec![0; (nodes * nodes).div_ceil(64)],
            count: 0,
        }
    }

    pub(super) fn dial(&mut self, from: usize, to: usize) {
        let pair = from * self.nodes + to;
        let (word, bit) = (&mut self.dialled[pair / 64], 1 << (pair % 64));
        self.count += u64::from(*word & bit == 0);
        *word |= bit;
    }

    /// How many pairs have a connection.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
