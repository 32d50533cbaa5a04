use std::collections::BTreeMap;
use std::time::Duration;

use super::history::{Event, Told};

/// How often something happened, over many runs. It shows that what the simulator is made for does happen.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<&'static str, u64>);

/// What happens in every hundred storms.
const EXPECTED: [&str; 12] = [
    "answers lost",
    "changes that reached all",
    "changes that reached some",
    "gets that failed",
    "joins",
    "leaves",
    "messages twice",
    "offers",
    "restarts in order",
    "stale values",
    "stops",
    "values",
];

impl Tally {
    pub fn add(&mut self, history: &[(Duration, Event)]) {
        for kind in history.iter().filter_map(|(_, event)| kind_of(event)) {
            *self.0.entry(kind).or_default() += 1;
        }
    }

    /// What was expected and has not happened.
    pub fn missing(&self) -> Vec<&'static str> {
        let missing = EXPECTED.iter().filter(|kind| !self.0.contains_key(*kind));
        missing.copied().collect()
    }

    /// What happened, in words.
    pub fn summary(&self) -> String {
        let counts = self.0.iter().map(|(kind, count)| format!("{count} {kind}"));
        counts.collect::<Vec<_>>().join(", ")
    }
}

fn kind_of(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Read(read) if read.is_stale() => "stale values",
        Event::Read(read) if read.outcome.is_ok() => "values",
        Event::Read(_) => "gets that failed",
        Event::Told(Told { not_told, .. }) if not_told.is_empty() => "changes that reached all",
        Event::Told(_) => "changes that reached some",
        Event::Message { what, .. } if what.ends_with("is lost") => "answers lost",
        Event::Message { what, .. } if what.ends_with("(again)") => "messages twice",
        Event::Message { what, .. } if what.starts_with("offer ") => "offers",
        Event::Gone { .. } => "stops",
        Event::Fault(what) if what.ends_with("is not there yet") => "joins",
        Event::Fault(what) if what.ends_with("ends for good") => "leaves",
        Event::Fault(what) if what.ends_with("leaves in order") => "restarts in order",
        _ => return None,
    })
}
