//! Gets of several keys together, a step a file, each beside the step of one key that it shares its rules with:
//!
//! 1. `get_many`: the keys from memory, and the stream of all outcomes.
//! 2. `missing`: the keys that memory lacks, so many at a time.
//! 3. `fetch`: their fetch flights, and the rounds with their owners; `peek`, for the modes without flights.
//! 4. `load`: their load flights, and the bulk loads.
//! 5. `serve`: a peer's request.
//!
//! A key that somebody else has under way is joined, and never fetched or loaded twice. The others are *claimed* when
//! their work begins (`claimed`): this call brings their results, which all who join meanwhile get. A key that waits for
//! its turn is not claimed, so that nobody waits for work that has not begun. `landings` has the outcomes as they
//! come. Work that has begun is driven by a task to its end.

mod claimed;
mod fetch;
mod get_many;
mod landings;
mod load;
mod missing;
mod panics;
mod peek;
mod rounds;
mod serve;

pub use get_many::GetMany;
