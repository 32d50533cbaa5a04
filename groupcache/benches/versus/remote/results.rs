//! The samples of all rounds.

use std::collections::HashMap;

use super::subject::{NATIVE, SUBJECTS};
use crate::harness::{Report, median};

/// What one round of one subject has shown.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub(super) keys_per_s: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    /// Processor time of both sides together, for each key. Not a number where it cannot be read.
    pub(super) cpu_us: f64,
}

/// One number of a sample.
pub(super) type Metric = fn(&Sample) -> f64;

/// The samples of each case and subject, one for each round.
#[derive(Default)]
pub(super) struct Results(HashMap<(String, &'static str), Vec<Sample>>);

impl Results {
    pub(super) fn add(&mut self, case: &str, subject: &'static str, sample: Sample) {
        let samples = self.0.entry((case.to_owned(), subject)).or_default();
        samples.push(sample);
    }

    fn samples(&self, case: &str, subject: &'static str) -> Option<&[Sample]> {
        Some(self.0.get(&(case.to_owned(), subject))?)
    }

    /// The median over the rounds of one subject's number divided by another's, or by the same subject's in another case.
    pub(super) fn ratio(
        &self,
        metric: Metric,
        (case, subject): (&str, &'static str),
        (other_case, other): (&str, &'static str),
    ) -> Option<f64> {
        let own = self.samples(case, subject)?.iter();
        let others = self.samples(other_case, other)?.iter();
        let ratios = own
            .zip(others)
            .map(|(own, other)| metric(own) / metric(other));
        Some(median(ratios.collect())).filter(|ratio| ratio.is_finite())
    }

    /// Adds the medians of a case to the report. Rates are reported under this name.
    pub(super) fn report(&self, report: &mut Report, case: &str, rate: &'static str) {
        let metrics: [(&'static str, Metric); 5] = [
            (rate, |sample| sample.keys_per_s),
            ("p50_us", |sample| sample.p50_us),
            ("p99_us", |sample| sample.p99_us),
            ("p999_us", |sample| sample.p999_us),
            ("cpu_us", |sample| sample.cpu_us),
        ];
        for (name, metric) in metrics {
            for subject in SUBJECTS {
                if let Some(samples) = self.samples(case, subject.name) {
                    let value = median(samples.iter().map(metric).collect());
                    if value.is_finite() {
                        report.add(case, subject.name, name, value);
                    }
                }
            }
        }
        for subject in SUBJECTS {
            let ratio = self.ratio(
                |sample| sample.keys_per_s,
                (case, subject.name),
                (case, NATIVE),
            );
            if let Some(ratio) = ratio {
                report.add(case, subject.name, "of_native", ratio);
            }
        }
    }
}
