//! The live page: what a node tells of itself, for people.

mod advice;
mod events;
#[cfg(test)]
mod fixtures;
mod format;
mod history;
mod key_answer;
mod live_page;
mod options;
mod query;
mod render;
mod snapshot;
mod watch;

pub use live_page::LivePage;
pub use options::LivePageOptions;
