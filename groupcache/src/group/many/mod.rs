//! Gets of several keys together, a step a file. Each step shares its rules with the step of one key:
//!
//! | file | what it does | the step of one key |
//! |---|---|---|
//! | `get_many` | looks the keys up in memory, and is the stream of all outcomes | `get/lookup` |
//! | `missing`, `time_limits` | begins with the keys that memory lacks, so many at a time | `get/fetch` |
//! | `fetch`, `rounds` | their fetch flights, and the rounds with their owners | `get/fetch`, `get/route` |
//! | `peek`, `rounds` | the modes without fetch flights | `get/modes` |
//! | `load` | their load flights, and the bulk loads | `get/load` |
//! | `serve` | answers a peer's request | `serve` |
//! | `offered` | takes what a peer offers | `get/take_over` |
//! | `in_order` | sorts the outcomes of a stream by the caller's list | |
//!
//! A key that somebody else has under way is joined, and never fetched or loaded twice. The others are *claimed* when
//! their work begins (`claimed`): this call brings their results, which all who join meanwhile get. A key that waits for
//! its turn is not claimed, so that nobody waits for work that has not begun. `landings` has the outcomes as they
//! come. Work that has begun is driven by a task to its end.

mod claimed;
mod fetch;
mod get_many;
mod in_order;
mod landings;
mod load;
mod missing;
mod offered;
mod peek;
mod rounds;
mod serve;
mod time_limits;

pub use get_many::GetMany;
pub(crate) use in_order::in_order;
