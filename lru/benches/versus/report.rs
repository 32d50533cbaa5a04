//! The table, the file and the plot.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde_json::json;

#[derive(Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
}

struct Figure {
    case: String,
    subject: &'static str,
    metric: &'static str,
    value: f64,
}

impl Report {
    pub(crate) fn add(
        &mut self,
        case: &str,
        subject: &'static str,
        metric: &'static str,
        value: f64,
    ) {
        self.figures.push(Figure {
            case: case.to_owned(),
            subject,
            metric,
            value,
        });
    }

    fn subjects(&self) -> Vec<&'static str> {
        let mut subjects = Vec::new();
        for figure in &self.figures {
            if !subjects.contains(&figure.subject) {
                subjects.push(figure.subject);
            }
        }
        subjects
    }

    fn rows(&self) -> Vec<(&str, &'static str)> {
        let mut rows = Vec::new();
        for figure in &self.figures {
            let row = (figure.case.as_str(), figure.metric);
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        rows
    }

    fn value(&self, case: &str, metric: &str, subject: &str) -> Option<f64> {
        let is_it = |figure: &&Figure| {
            figure.case == case && figure.metric == metric && figure.subject == subject
        };
        self.figures.iter().find(is_it).map(|figure| figure.value)
    }

    pub(crate) fn print(&self) {
        let subjects = self.subjects();
        print!("{:44}{:>18}", "", "");
        for subject in &subjects {
            print!("{subject:>15}");
        }
        println!();
        for (case, metric) in self.rows() {
            print!("{case:44}{metric:>18}");
            for subject in &subjects {
                match self.value(case, metric, subject) {
                    Some(value) => print!("{value:>15.2}"),
                    None => print!("{:>15}", "-"),
                }
            }
            println!();
        }
    }

    /// Writes `target/versus/lru.json` and `lru.svg`.
    pub(crate) fn write(&self) -> io::Result<()> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
            PathBuf::from,
        );
        let dir = target.join("versus");
        fs::create_dir_all(&dir)?;
        let figures: Vec<_> = self
            .figures
            .iter()
            .map(|f| json!({ "case": f.case, "subject": f.subject, "metric": f.metric, "value": f.value }))
            .collect();
        fs::write(dir.join("lru.json"), serde_json::to_vec_pretty(&figures)?)?;
        fs::write(dir.join("lru.svg"), self.plot())?;
        println!("\nwritten to {}", dir.display());
        Ok(())
    }

    /// Bars of the times: one group a case, one bar a subject.
    fn plot(&self) -> String {
        const COLORS: [&str; 8] = [
            "#1b6ca8", "#7fb2d9", "#e07b39", "#5b8c5a", "#a05a9c", "#8d6b4f", "#999999", "#333333",
        ];
        const BAR: usize = 12;
        const WIDTH: f64 = 520.0;
        let rows: Vec<_> = self
            .rows()
            .into_iter()
            .filter(|&(_, metric)| metric == "ns")
            .collect();
        let subjects: Vec<_> = self
            .subjects()
            .into_iter()
            .filter(|subject| {
                rows.iter()
                    .any(|(case, metric)| self.value(case, metric, subject).is_some())
            })
            .collect();
        let group = BAR * subjects.len() + 10;
        let (top, height) = (36, 36 + group * rows.len() + 8);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        for (n, subject) in subjects.iter().enumerate() {
            let x = 10 + n * 120;
            let color = COLORS[n % COLORS.len()];
            // Writing to a string cannot fail.
            _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"10\" width=\"10\" height=\"10\" fill=\"{color}\"/><text x=\"{}\" y=\"19\">{subject}</text>",
                x + 14
            );
        }
        for (n, (case, metric)) in rows.iter().enumerate() {
            let values: Vec<f64> = subjects
                .iter()
                .map(|subject| self.value(case, metric, subject).unwrap_or(0.0))
                .collect();
            let most = values.iter().copied().fold(1.0, f64::max);
            let y = top + n * group;
            _ = writeln!(
                svg,
                "<text x=\"252\" y=\"{}\" text-anchor=\"end\">{case}</text>",
                y + group / 2
            );
            for (n, value) in values.iter().enumerate() {
                let width = value / most * WIDTH;
                _ = writeln!(
                    svg,
                    "<rect x=\"260\" y=\"{}\" width=\"{width:.1}\" height=\"{}\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{}\" font-size=\"9\">{value:.0} ns</text>",
                    y + n * BAR,
                    BAR - 2,
                    COLORS[n % COLORS.len()],
                    264.0 + width,
                    y + n * BAR + 9
                );
            }
        }
        svg + "</svg>\n"
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
