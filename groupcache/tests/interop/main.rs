//! Mixed clusters: nodes of ours beside the real Go programs.

fn main() {}
