use super::http_options::HttpOptions;
use crate::WallClock;

/// # Both sides
impl HttpOptions {
    /// The path in front of `group/key`, the same on all nodes. It begins and ends with a slash
    /// and is made of `A-Za-z0-9-._~` and single slashes. Default: `/_groupcache/`.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.base_path = path.into();
        self
    }

    /// The wall clock by which moments are told and read, in protocols that carry them. The default is that of the system;
    /// tests give another one.
    pub fn wall_clock(mut self, clock: WallClock) -> Self {
        self.wall_clock = clock;
        self
    }

    /// A label of the cluster, the same on all nodes. A native request says which cluster it means, and a node with
    /// another label refuses it, such as one of another cluster that has got the address of a former member. Nodes
    /// without a label, and requests without one, are taken for right. 1 to 128 of `A-Za-z0-9-._~`. Default: none.
    pub fn cluster(mut self, label: impl Into<String>) -> Self {
        self.cluster = Some(label.into());
        self
    }

    /// The longest key, in bytes before it is escaped. At most 16 KiB, because a key escaped to three
    /// times its size has to fit into a request target of 64 KiB. Default: 8 KiB.
    pub fn max_key_bytes(mut self, bytes: usize) -> Self {
        self.max_key_bytes = bytes;
        self
    }

    /// The largest value, in bytes. Default: 64 MiB.
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// The memory of all bodies that are being received at one time, in bytes, over all connections:
    /// those of requests to a server, and those of answers to a transport's clients. Further bodies are
    /// not read until others are gone, within their own time-outs. At least one body with the largest
    /// value. The native protocol keeps up to a sixteenth of it, as spare memory, while it is busy with long
    /// values. Default: 256 MiB.
    pub fn max_body_bytes_in_flight(mut self, bytes: usize) -> Self {
        self.max_body_bytes_in_flight = bytes;
        self
    }

    /// The largest frame that is accepted over HTTP/2, from 16 KiB to 16 MiB - 1. Default: 16 KiB.
    pub fn max_frame_bytes(mut self, bytes: u32) -> Self {
        self.max_frame_bytes = bytes;
        self
    }

    /// How much of one body the other side may send over HTTP/2 before this side has read it, from
    /// 64 KiB - 1 to 2 GiB - 1. A body moves at most this far per round trip. Default: 1 MiB.
    pub fn stream_window_bytes(mut self, bytes: u32) -> Self {
        self.stream_window_bytes = bytes;
        self
    }

    /// The same for all bodies on one connection together, and so the memory that a connection can make
    /// this side hold. Default: 2 MiB.
    pub fn connection_window_bytes(mut self, bytes: u32) -> Self {
        self.connection_window_bytes = bytes;
        self
    }

    /// The most calls under way on one multiplexed connection, from 1 to 1,048,576. A client takes the
    /// smaller one of its own limit and the server's, and keeps a sixteenth for calls that wait for no
    /// load; further calls wait for [`acquire_timeout`](Self::acquire_timeout). Default: 16,384.
    pub fn max_calls_per_connection(mut self, calls: usize) -> Self {
        self.max_calls_per_connection = calls;
        self
    }
}
