use super::weather::Weather::{self, Calm, Storm};

/// Seeds that fail with a fault that there was once, and what it was. They run always. A seed is worth that for as long as it
/// makes the same plan.
pub const SEEDS: &[(Weather, u64, &str)] = &[
    (
        Storm,
        411,
        "a node that started did not pass changes on to its first members",
    ),
    (
        Storm,
        179,
        "a change that an exchange had brought was not passed on",
    ),
    (
        Calm,
        16,
        "a value that was offered was kept though its key had changed meanwhile",
    ),
];
