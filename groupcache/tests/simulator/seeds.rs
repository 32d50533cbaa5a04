use super::weather::Weather::{self, Storm};

/// Seeds that have failed once, and why. They run always. A seed is worth that for as long as it makes the same plan.
pub const SEEDS: &[(Weather, u64, &str)] = &[
    (
        Storm,
        160,
        "a node that started did not pass changes on to its first members",
    ),
    (
        Storm,
        18230,
        "a change that an exchange had brought was not passed on",
    ),
    (
        Storm,
        77173,
        "a rule that counted on who had been told and stopped before the change returned",
    ),
];
