//! Figures as people read them.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// A count with commas between its thousands.
pub(super) struct Count(pub(super) u64);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.char_indices() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// So many a second or minute: one digit after the point below ten.
pub(super) struct Rate(pub(super) f64);

impl Display for Rate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 == 0.0 {
            f.write_str("0")
        } else if self.0 < 0.05 {
            f.write_str("<0.1")
        } else if self.0 < 9.95 {
            write!(f, "{:.1}", self.0)
        } else {
            Count(self.0.round() as u64).fmt(f)
        }
    }
}

/// A share from 0 to 1, in percent. What is not all is not 100 %, and what is not nothing is not 0 %.
pub(super) struct Percent(pub(super) f64);

impl Display for Percent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        if percent <= 0.0 {
            f.write_str("0 %")
        } else if percent < 0.1 {
            f.write_str("<0.1 %")
        } else if percent >= 100.0 {
            f.write_str("100 %")
        } else if percent > 99.9 {
            f.write_str(">99.9 %")
        } else {
            write!(f, "{percent:.1} %")
        }
    }
}

/// Bytes in the unit that fits.
pub(super) struct Bytes(pub(super) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let (mut size, mut unit) = (self.0 as f64 / 1024.0, 0);
        // What would be shown as 1024 is shown in the next unit.
        while size >= 1023.5 && unit + 1 < UNITS.len() {
            size /= 1024.0;
            unit += 1;
        }
        if size < 9.95 {
            write!(f, "{size:.1} {}", UNITS[unit])
        } else {
            write!(f, "{size:.0} {}", UNITS[unit])
        }
    }
}

/// A time in the unit that fits.
pub(super) struct Span(pub(super) Duration);

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 1e-3 {
            write!(f, "{:.0} µs", seconds * 1e6)
        } else if seconds < 0.01 {
            write!(f, "{:.1} ms", seconds * 1e3)
        } else if seconds < 1.0 {
            write!(f, "{:.0} ms", seconds * 1e3)
        } else if seconds < 10.0 {
            write!(f, "{seconds:.1} s")
        } else if seconds < 120.0 {
            write!(f, "{seconds:.0} s")
        } else if seconds < 2.0 * 3600.0 {
            write!(f, "{:.0} min", seconds / 60.0)
        } else if seconds < 48.0 * 3600.0 {
            write!(f, "{:.0} h", seconds / 3600.0)
        } else {
            write!(f, "{:.0} days", seconds / 86_400.0)
        }
    }
}

impl Span {
    pub(super) fn of_seconds(seconds: f64) -> Self {
        Self(Duration::from_secs_f64(seconds))
    }

    pub(super) fn of_nanos(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }
}

/// The beginning of a text that may be long.
pub(super) struct Short<'a>(pub(super) &'a str, pub(super) usize);

impl Display for Short<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(self.1) {
            None => f.write_str(self.0),
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(Count(0).to_string(), "0");
        assert_eq!(Count(999).to_string(), "999");
        assert_eq!(Count(1_234_567).to_string(), "1,234,567");
        assert_eq!(Rate(0.0).to_string(), "0");
        assert_eq!(Rate(0.04).to_string(), "<0.1");
        assert_eq!(Rate(3.25).to_string(), "3.2");
        assert_eq!(Rate(12_345.6).to_string(), "12,346");
        assert_eq!(Bytes(1023).to_string(), "1023 B");
        assert_eq!(Bytes(1536).to_string(), "1.5 KiB");
        assert_eq!(Bytes(64 << 20).to_string(), "64 MiB");
        assert_eq!(Bytes((1 << 20) - 1).to_string(), "1.0 MiB");
        assert_eq!(Bytes(u64::MAX).to_string(), "16 EiB");
        for (nanos, text) in [
            (1_500, "2 µs"),
            (2_340_000, "2.3 ms"),
            (45_000_000, "45 ms"),
            (1_500_000_000, "1.5 s"),
            (59_000_000_000, "59 s"),
            (600_000_000_000, "10 min"),
            (10_800_000_000_000, "3 h"),
            (864_000_000_000_000, "10 days"),
        ] {
            assert_eq!(Span::of_nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn a_share_is_not_rounded_to_all_or_nothing() {
        for (share, text) in [
            (0.0, "0 %"),
            (0.000_1, "<0.1 %"),
            (0.333, "33.3 %"),
            (0.999_9, ">99.9 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(Percent(share).to_string(), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(Short("größe", 3).to_string(), "grö…");
        assert_eq!(Short("größe", 5).to_string(), "größe");
    }
}
