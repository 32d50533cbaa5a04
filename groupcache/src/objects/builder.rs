use std::fmt;
use std::time::Duration;

use super::loader::Loader;
use super::objects::Objects;
use super::piece::LARGEST_PIECE;
use super::source::ObjectSource;
use crate::{Error, GroupBuilder, Node};

const DEFAULT_PIECE_BYTES: usize = 1 << 20;
const DEFAULT_READ_AHEAD: usize = 2;
const DEFAULT_INFO_TTL: Duration = Duration::from_secs(10);

/// A reader that holds more is hardly meant.
const MOST_READ_AHEAD: usize = 64;

/// The settings of a group of [`Objects`] to be. Made by [`Node::objects`].
///
/// Every setting has a default. [`build`](Self::build) checks them all.
#[must_use = "a group exists once it is built"]
pub struct ObjectsBuilder<S> {
    node: Node,
    name: String,
    budget: usize,
    source: S,
    piece_bytes: usize,
    read_ahead: usize,
    info_ttl: Duration,
    /// Makes the settings of the group.
    group: Box<dyn FnOnce(GroupBuilder) -> GroupBuilder + Send>,
}

impl Node {
    /// The settings of a new group of [`Objects`], named `name` on all nodes, that keeps up to `budget` bytes of their
    /// pieces on this one, and reads them from `source`.
    pub fn objects<S: ObjectSource>(
        &self,
        name: impl Into<String>,
        budget: usize,
        source: S,
    ) -> ObjectsBuilder<S> {
        ObjectsBuilder {
            node: self.clone(),
            name: name.into(),
            budget,
            source,
            piece_bytes: DEFAULT_PIECE_BYTES,
            read_ahead: DEFAULT_READ_AHEAD,
            info_ttl: DEFAULT_INFO_TTL,
            group: Box::new(|group| group),
        }
    }
}

impl<S: ObjectSource> ObjectsBuilder<S> {
    /// How many bytes a piece has, the last one of an object excepted: what is loaded, sent and evicted in one. All nodes
    /// should have the same. Otherwise they share no pieces, and a [removal](Objects::remove) finds those of its own size
    /// alone. From 1 byte to 64 MiB, and no more than the budget and the
    /// [`max_value_bytes`](GroupBuilder::max_value_bytes) of the group and of
    /// [the node](crate::HttpOptions::max_value_bytes). Default: 1 MiB.
    pub fn piece_bytes(mut self, bytes: usize) -> Self {
        self.piece_bytes = bytes;
        self
    }

    /// How many pieces a reader fetches before it needs them. A reader holds up to one piece more than that, and each of
    /// them may cost a task. Zero to 64; default: 2.
    pub fn read_ahead(mut self, pieces: usize) -> Self {
        self.read_ahead = pieces;
        self
    }

    /// How long a node takes what the source has said of an object for true, before it asks again. So long may a change
    /// of an object go unnoticed, unless somebody [removes](Objects::remove) it. Zero: each read asks the source.
    /// Default: 10 s.
    ///
    /// [`Protocol::Golang`](crate::Protocol::Golang) and `Protocol::Ipronko` carry no lives of values. Over these a mirror of what is
    /// known of an object lives as long as the group's [`ttl`](GroupBuilder::ttl) says: set one.
    pub fn info_ttl(mut self, ttl: Duration) -> Self {
        self.info_ttl = ttl;
        self
    }

    /// The other settings of the group, as of every group. They hold for pieces, and but for the time to live also for
    /// what is known of the objects. With a [`not_found_ttl`](GroupBuilder::not_found_ttl), a version that comes back
    /// after it was gone cannot be read until that is over.
    ///
    /// ```
    /// # use groupcache::{Node, ObjectSource};
    /// # fn example(node: &Node, source: impl ObjectSource) -> Result<(), groupcache::Error> {
    /// let videos = node
    ///     .objects("videos", 256 << 20, source)
    ///     .group(|group| group.max_loads(16).standby(true))
    ///     .build()?;
    /// # drop(videos);
    /// # Ok(()) }
    /// ```
    pub fn group(
        mut self,
        change: impl FnOnce(GroupBuilder) -> GroupBuilder + Send + 'static,
    ) -> Self {
        let before = self.group;
        self.group = Box::new(move |group| change(before(group)));
        self
    }

    /// Makes the group, and lets peers ask for it.
    ///
    /// # Errors
    ///
    /// As [`GroupBuilder::build`], and [`Error::is_configuration`] for a setting outside its limits. Nothing has changed then.
    pub fn build(self) -> Result<Objects, Error> {
        let loader = Loader {
            source: self.source,
            info_ttl: self.info_ttl,
        };
        let group = (self.group)(self.node.group(self.name, self.budget, loader));
        let limits = [
            Some(("the largest piece", LARGEST_PIECE)),
            Some(("the group's max_value_bytes", group.largest_value() as u64)),
            self.node
                .0
                .host
                .max_value_bytes
                .map(|bytes| ("the node's max_value_bytes", bytes as u64)),
        ];
        let piece_bytes = self.piece_bytes as u64;
        if piece_bytes == 0 {
            return Err(Error::invalid("piece_bytes", "it is zero"));
        }
        for (what, limit) in limits.into_iter().flatten() {
            if piece_bytes > limit {
                let reason = format!("{piece_bytes} is more than {what}, {limit}");
                return Err(Error::invalid("piece_bytes", reason));
            }
        }
        if (1..self.piece_bytes).contains(&self.budget) {
            let reason = format!("{piece_bytes} is more than the budget, {}", self.budget);
            return Err(Error::invalid("piece_bytes", reason));
        }
        if self.read_ahead > MOST_READ_AHEAD {
            let reason = format!("{} is more than {MOST_READ_AHEAD}", self.read_ahead);
            return Err(Error::invalid("read_ahead", reason));
        }
        Ok(Objects::new(group.build()?, piece_bytes, self.read_ahead))
    }
}

impl<S> fmt::Debug for ObjectsBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectsBuilder")
            .field("name", &self.name)
            .field("piece_bytes", &self.piece_bytes)
            .field("read_ahead", &self.read_ahead)
            .field("info_ttl", &self.info_ttl)
            .finish_non_exhaustive()
    }
}
