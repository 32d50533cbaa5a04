//! What a comparison prints and writes.

use serde_json::{Value, json};

/// One row of a table: a trace at one size of the cache, and a figure for each subject.
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) values: Vec<f64>,
}

/// Hit ratios in percent. The subjects are the rivals, then others, then ours in the last column.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) metric: &'static str,
    pub(crate) subjects: Vec<&'static str>,
    /// How many of the subjects the best of a row is taken from.
    pub(crate) rivals: usize,
    pub(crate) rows: Vec<Row>,
}

/// What a subject loses to the best rival.
#[derive(Default)]
struct Regret {
    mean: f64,
    worst: f64,
}

impl Table {
    pub(crate) fn print(&self) {
        println!("\n{}\n", self.title);
        print!("{:32}{:>8}", "", "best");
        for subject in &self.subjects {
            print!("{subject:>13}");
        }
        println!();
        for row in &self.rows {
            self.print_row(&row.case, Some(self.best(row)), &row.values);
        }
        let regrets: Vec<Regret> = (0..self.subjects.len())
            .map(|subject| self.regret(subject))
            .collect();
        let best = self.mean_of(|row| self.best(row));
        self.print_row("mean", Some(best), &self.means());
        self.print_row(
            "mean regret",
            None,
            &regrets.iter().map(|r| r.mean).collect::<Vec<_>>(),
        );
        self.print_row(
            "worst regret",
            None,
            &regrets.iter().map(|r| r.worst).collect::<Vec<_>>(),
        );
    }

    fn print_row(&self, case: &str, best: Option<f64>, values: &[f64]) {
        print!("{case:32}");
        match best {
            Some(best) => print!("{best:>8.2}"),
            None => print!("{:8}", ""),
        }
        for value in values {
            print!("{value:>13.2}");
        }
        println!();
    }

    /// One object for each figure.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.figures()
            .into_iter()
            .map(|(case, subject, metric, value)| json!({ "case": case, "subject": subject, "metric": metric, "value": value }))
            .collect()
    }

    /// Case, subject, metric and value of each figure, and of each subject's mean and regrets.
    pub(crate) fn figures(&self) -> Vec<(&str, &'static str, &'static str, f64)> {
        let mut figures = Vec::new();
        for row in &self.rows {
            let values = self.subjects.iter().zip(&row.values);
            figures.extend(
                values.map(|(&subject, &value)| (row.case.as_str(), subject, self.metric, value)),
            );
        }
        for (subject, &mean) in self.means().iter().enumerate() {
            let (name, regret) = (self.subjects[subject], self.regret(subject));
            figures.push((self.title.as_str(), name, "mean", mean));
            figures.push((self.title.as_str(), name, "mean_regret", regret.mean));
            figures.push((self.title.as_str(), name, "worst_regret", regret.worst));
        }
        figures
    }

    fn best(&self, row: &Row) -> f64 {
        row.values[..self.rivals]
            .iter()
            .copied()
            .fold(0.0, f64::max)
    }

    fn mean_of(&self, value: impl Fn(&Row) -> f64) -> f64 {
        self.rows.iter().map(value).sum::<f64>() / self.rows.len().max(1) as f64
    }

    fn means(&self) -> Vec<f64> {
        (0..self.subjects.len())
            .map(|subject| self.mean_of(|row| row.values[subject]))
            .collect()
    }

    fn regret(&self, subject: usize) -> Regret {
        let regret = |row: &Row| (self.best(row) - row.values[subject]).max(0.0);
        Regret {
            mean: self.mean_of(regret),
            worst: self.rows.iter().map(regret).fold(0.0, f64::max),
        }
    }
}
