//! Memory for what a store keeps: keys and values in blocks, whose memory goes back to the system when it is not needed.
//!
//! # Why it is like this
//!
//! A cache has a budget of bytes, and the process should grow by these bytes and no more, also after the sizes of values have
//! changed. An allocator for all purposes cannot see to that: it may not move what it has handed out, so what one size has left
//! behind does not serve another. The store can move its entries, as it has the only pointer to each that nobody views.
//!
//! | | 16 B | 64 B | 1 KiB | 16 KiB | 128 KiB | 1 MiB | up | down | mixed | skewed |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | buffers from glibc's `malloc` | 225 | 277 | 1,290 | 17,391 | 135,663 | 1,058,765 | 2.08 | 1.45 | 1.06 | 1.89 |
//! | the same from jemalloc 5.3 | 246 | 297 | 1,325 | 21,274 | 136,485 | 1,061,186 | 2.41 | 1.52 | 1.28 | 1.95 |
//! | the same from mimalloc 2.0 | 228 | 279 | 1,294 | 16,993 | 132,044 | 1,057,242 | 2.19 | 1.61 | 1.18 | 2.11 |
//! | this arena, the rest from glibc | 120 | 170 | 1,172 | 17,411 | 135,648 | 1,059,916 | 1.10 | 1.11 | 1.06 | 1.10 |
//! | this arena, the rest from jemalloc | 131 | 179 | 1,203 | 17,583 | 136,445 | 1,061,778 | 1.11 | 1.10 | 1.06 | 1.11 |
//!
//! The first columns are resident bytes per entry, with keys of 24 bytes, while a group of 256 MiB is filled. The last are the highest
//! resident memory over the budget, of 64 MiB, while ten working sets of 100 B to 50 kB follow one another. All is of one run, with
//! groups that took a buffer for each key and each value, and with those of today. A set and a hit took the same time in all of them but
//! for a tenth. In a longer run, groups of 512 MiB with keys of 16 to 32 bytes beside memcached 1.6, a server of its own:
//!
//! | | 64 B | 1 KiB | 16 KiB |
//! |---|---|---|---|
//! | memcached | 161 | 1,192 | 17,583 |
//! | this arena | 154 | 1,135 | 17,085 |
//!
//! The highest resident memory over the budget is 1.13 there, of 64 and 512 MiB, also with views held (then over the budget and what they
//! pin). `cargo bench -p groupcache-rs --bench versus -- --only memory` measures that again.
//!
//! So another allocator does not help: it may not move either. A program may use any; what is in the arena comes from the system.
//!
//! With a key in the table and the value in a buffer, a hit of `Group::get` took 53 ns among 10,000 entries; now it takes 44, since a
//! hit is [one word](KeptView) until it is handed over. The first arena passed views about, and took 66.
//!
//! What was left aside: *segments* that are evicted as a whole, as in Segcache, which take the choice of victims from the store's policy;
//! a *log* that is compacted, which copies long-lived entries again and again, where size classes fill holes; *memcached's rebalancer*,
//! which drops what is in the way, where here it is moved.
//!
//! # How it works
//!
//! An *extent* is 256 KiB, aligned to its size, and has blocks of one size ([`sizes`]). Its head says whose it is, so the address of a
//! block leads to its books. These are beside it, in safe code ([`extent`], [`class`]): a bit for each block, and for each
//! page how much of it the store holds and how much views alone. Pages are counted from their first use on, so an extent that is being filled
//! takes up what is in it. Blocks are taken from the fullest extent. An extent that is empty goes back at once.
//! When the store finds that more is [taken](Arena::unpinned) than the budget allows, it has [idle pages](Arena::give_back_idle)
//! given back, and then [moves](Arena::move_some) what is in the emptiest extent.
//!
//! # Why the unsafe code is right
//!
//! - **A block is used as long as its count is not zero, and by nobody afterwards.** The store's [`Kept`] is one user, each
//!   view is one. Whoever takes the number to zero frees the block, under the lock of its class ([`count`], with loom models).
//! - **The bytes of a block do not change while it has users.** They are written before its count becomes one. A view is made
//!   from a `Kept` or from a view, so it sees them. There is no way to get at them but by `&[u8]`.
//! - **An address in a block leads to a live head.** An extent is given up when none of its blocks is in use, and each extent in use
//!   has a count of the `Arc` of its arena. Who has freed a block touches neither the extent nor the arena any more, once it has
//!   released the lock ([`shared`]).
//! - **A move does not meet a reader.** [`Kept::moved`] copies a block whose users are the store and the mover, while the store has
//!   the entry for itself: nobody else has a handle that could be cloned. The old block is freed as any other.
//! - **Pages are given back under the lock of their class**, when no block in use has a part of them. A block that is taken there
//!   later is written before it is read; its old count reads zero, or as one that the store has left, and is never shared.
//! - **Two blocks do not overlap**: the bits of an extent say which are in use, and a block is taken under the lock of its class. A proptest
//!   checks the books against a model.

#![allow(unsafe_code, reason = "the argument is above, and beside each block")]

mod block;
mod class;
mod count;
mod extent;
mod handle;
mod kept;
mod kept_view;
mod moving;
mod pages;
mod shared;
mod sizes;
mod source;
mod tables;

pub(crate) use block::Repr;
pub use handle::{Arena, ArenaUsage};
pub use kept::Kept;
pub use kept_view::KeptView;
pub use moving::Moving;
pub use tables::Tables;
