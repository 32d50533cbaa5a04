use super::weather::Weather::{self, Calm, Dialect, Storm};

/// Seeds that have failed once, and why. They run always. A seed is worth that for as long as it makes the same plan.
pub const SEEDS: &[(Weather, u64, &str)] = &[
    (Storm, 2, "an exchange that failed was not made again"),
    (
        Storm,
        22,
        "the same, and without it a node kept an old value",
    ),
    (Dialect, 30, "a removal that failed was not sent again"),
    (
        Calm,
        90,
        "a key that nine nodes had changed was changed again and again",
    ),
];
