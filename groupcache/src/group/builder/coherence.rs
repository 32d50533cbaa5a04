use std::time::Duration;

use super::group_builder::GroupBuilder;

/// # Coherence: how invalidations that did not reach every node are repaired
impl<G> GroupBuilder<G> {
    /// How much memory this node spends on the log of its latest changes, in bytes. A peer that has
    /// missed more changes than the log holds, or more than 1 MiB of keys, forgets all its mirrors of
    /// other nodes' keys. Zero keeps no log, so that every missed change costs a peer its mirrors. The
    /// ids of recent changes take up to 280 KiB besides. Default: 256 KiB, which is about 3,500 keys of
    /// 16 bytes.
    pub fn change_log_bytes(mut self, bytes: usize) -> Self {
        self.coherence = self.coherence.change_log_bytes(bytes);
        self
    }

    /// How often this node pulls the change log of a peer from which it has had no reply meanwhile.
    /// This bounds, to about twice the interval, how long this node serves a mirror that it missed the
    /// removal of, as long as the key's owner can be reached and has not restarted in between. Every
    /// reply of the owner tells this node of such a removal too. Only the native protocol can ask;
    /// under others a mirror lives as long as its time to live. Zero turns the pulls off. Default:
    /// 10 s; from 10 ms to a year.
    pub fn anti_entropy_interval(mut self, interval: Duration) -> Self {
        self.coherence = self.coherence.anti_entropy_interval(interval);
        self
    }

    /// How long this node goes on trying to deliver removals, sets and clears to a peer that it could
    /// not reach, counted from the latest of them. It tries at least every 30 s. A hint holds no values:
    /// a peer that missed a set forgets the key, even if another node has set it since. A peer that has
    /// left the ring gets no more hints. Zero turns hints off. Default: 10 minutes; at most a year.
    pub fn hint_window(mut self, window: Duration) -> Self {
        self.coherence = self.coherence.hint_window(window);
        self
    }

    /// How many bytes of keys this node keeps as hints for one unreachable peer. Beyond that the peer is
    /// told to forget the whole group. Only the native protocol can say that; under others the hint is
    /// given up with a warning. Default: 4 MiB.
    pub fn max_hint_bytes(mut self, bytes: usize) -> Self {
        self.coherence = self.coherence.max_hint_bytes(bytes);
        self
    }
}
