use super::weather::Weather::{self, Storm};

/// Seeds that have failed once, and why. They run always. A seed is good for that as long as it makes the same plan.
pub const SEEDS: &[(Weather, u64, &str)] = &[(Storm, 0, "")];
