use clap::ValueEnum;

use super::plan::Plan;

/// In which circumstances the plan of a seed is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Weather {
    /// Without faults.
    Calm,
    /// With faults of the network, crashes, and changes of the members.
    Storm,
    /// With faults, over a protocol that does not name changes.
    Dialect,
}

impl Weather {
    /// The plan of a seed.
    pub fn plan(self, seed: u64) -> Plan {
        let plan = Plan::of(seed);
        match self {
            Self::Calm => plan.calm(),
            Self::Storm => plan,
            Self::Dialect => plan.dialect(),
        }
    }

    /// The option that stands for it.
    pub fn option(self) -> &'static str {
        match self {
            Self::Calm => "--calm",
            Self::Storm => "--storm",
            Self::Dialect => "--dialect",
        }
    }
}
