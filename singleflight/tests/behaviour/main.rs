//! Checks the promises of the documentation, sentence by sentence.

mod cancellation;
mod claiming;
mod detaching;
mod forgetting;
mod locks;
mod panics;
mod progress;
mod sharing;
mod support;
mod threads;
