//! Counters as a table of names and figures.

use std::fmt;

use super::stats::Stats;
use crate::store::Usage;

/// A table of a name and a figure in each line, the last one without a line break.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |count: u64| match self.gets {
            0 => String::new(),
            gets => format!("  {:5.1} %", count as f64 * 100.0 / gets as f64),
        };
        for (name, count) in [
            ("main hits", self.main_hits),
            ("hot hits", self.hot_hits),
            ("stale hits", self.stale_hits),
            ("fetched", self.fetched),
            ("loaded", self.loaded),
            ("not found", self.not_found),
            ("failed", self.failed),
        ] {
            writeln!(f, "{name:<14}{count:>14}{}", share(count))?;
        }
        for (name, count) in [
            ("gets", self.gets),
            ("peer gets", self.peer_gets),
            ("peer errors", self.peer_errors),
            ("getter calls", self.getter_calls),
            ("refreshes", self.refreshes),
            ("hedges", self.hedges),
            ("taken over", self.taken_over),
            ("undecodable", self.undecodable),
            ("evictions", self.evictions),
            ("expirations", self.expirations),
            ("too large", self.too_large),
            ("compressed", self.compressed),
            ("bytes saved", self.compression_saved),
            ("disk hits", self.disk_hits),
            ("disk writes", self.disk_writes),
            ("disk shed", self.disk_shed),
            ("disk lost", self.disk_lost),
            ("disk errors", self.disk_errors),
            ("disk entries", self.disk_entries),
            ("entries", self.entries),
            ("bytes", self.bytes),
        ] {
            writeln!(f, "{name:<14}{count:>14}")?;
        }
        write!(f, "{:<14}{:>14}", "hot bytes", self.hot_bytes)
    }
}

/// A table of a name and a figure in each line, the last one without a line break.
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in [
            ("budget", self.budget),
            ("bytes", self.bytes),
            ("hot bytes", self.hot_bytes),
            ("reserved", self.reserved),
            ("pinned", self.pinned),
            ("entries", self.entries),
            ("hot entries", self.hot_entries),
        ] {
            writeln!(f, "{name:<14}{count:>14}")?;
        }
        let age = self.victim_age.map(|age| format!("{age:.1?}"));
        write!(
            f,
            "{:<14}{:>14}",
            "victim age",
            age.as_deref().unwrap_or("-")
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_figure_and_shares_of_the_gets() {
        let stats = Stats {
            gets: 8,
            main_hits: 6,
            loaded: 2,
            ..Stats::default()
        };
        let table = stats.to_string();
        assert_eq!(table.lines().count(), 29);
        assert!(
            table.starts_with("main hits                  6   75.0 %\n"),
            "{table}"
        );
        assert!(table.ends_with("\nhot bytes                  0"), "{table}");
        assert!(!Stats::default().to_string().contains('%'));
    }

    #[test]
    fn the_table_of_a_usage_has_the_age_of_the_victims() {
        let usage = Usage {
            victim_age: Some(Duration::from_millis(1500)),
            ..Usage::default()
        };
        assert!(
            usage
                .to_string()
                .ends_with("\nvictim age              1.5s"),
            "{usage}"
        );
        assert!(Usage::default().to_string().ends_with(" -"));
    }
}
