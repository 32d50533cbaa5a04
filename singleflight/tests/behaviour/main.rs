//! What the documentation promises, sentence by sentence.

mod cancellation;
mod detaching;
mod forgetting;
mod locks;
mod panics;
mod progress;
mod sharing;
mod support;
mod threads;
