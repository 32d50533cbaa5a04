//! The figures of a bench, and the table that shows them.

use serde_json::{Value, json};

/// Figures, in sections. A section is a part of the table with columns of its own.
pub(crate) struct Report {
    /// The crate whose bench this is.
    name: &'static str,
    sections: Vec<Section>,
}

struct Section {
    title: String,
    figures: Vec<Figure>,
}

struct Figure {
    case: String,
    subject: &'static str,
    metric: &'static str,
    value: f64,
}

impl Report {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            sections: Vec::new(),
        }
    }

    /// Begins a section. The title says what is measured, and how.
    pub(crate) fn section(&mut self, title: impl Into<String>) {
        let title = title.into();
        eprintln!("\n{title}");
        self.sections.push(Section {
            title,
            figures: Vec::new(),
        });
    }

    /// Adds a figure to the section that was begun last.
    pub(crate) fn add(
        &mut self,
        case: &str,
        subject: &'static str,
        metric: &'static str,
        value: f64,
    ) {
        let section = self.sections.last_mut();
        section.expect("a section").figures.push(Figure {
            case: case.to_owned(),
            subject,
            metric,
            value,
        });
    }

    fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.sections.iter().flat_map(|section| &section.figures)
    }

    /// The cases that have a metric.
    pub(crate) fn cases(&self, metric: &str) -> Vec<&str> {
        distinct(
            self.figures()
                .filter(|f| f.metric == metric)
                .map(|f| f.case.as_str()),
        )
    }

    /// The subjects that have a metric.
    pub(crate) fn subjects(&self, metric: &str) -> Vec<&'static str> {
        distinct(
            self.figures()
                .filter(|f| f.metric == metric)
                .map(|f| f.subject),
        )
    }

    pub(crate) fn value(&self, case: &str, subject: &str, metric: &str) -> Option<f64> {
        find(self.figures(), case, subject, metric)
    }

    pub(crate) fn print(&self) {
        for section in &self.sections {
            section.print();
        }
    }

    /// The name of the crate whose bench this is.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// All figures as an array.
    pub(crate) fn json(&self) -> Value {
        self.figures()
            .map(|f| json!({ "case": f.case, "subject": f.subject, "metric": f.metric, "value": f.value }))
            .collect()
    }
}

impl Section {
    fn print(&self) {
        println!("\n{}\n", self.title);
        let subjects = distinct(self.figures.iter().map(|figure| figure.subject));
        let rows = distinct(self.figures.iter().map(|f| (f.case.as_str(), f.metric)));
        let case_width = rows.iter().map(|(case, _)| case.len()).max().unwrap_or(0);
        let metric_width = rows.iter().map(|(_, metric)| metric.len()).max();
        let metric_width = metric_width.unwrap_or(0) + 2;
        print!("{:case_width$}{:metric_width$}", "", "");
        for subject in &subjects {
            print!("  {subject:>8}");
        }
        println!();
        for (case, metric) in rows {
            print!("{case:case_width$}{metric:>metric_width$}");
            for subject in &subjects {
                let width = subject.len().max(8);
                match find(self.figures.iter(), case, subject, metric) {
                    Some(value) => print!("  {value:>width$.2}"),
                    None => print!("  {:>width$}", "-"),
                }
            }
            println!();
        }
    }
}

fn find<'a>(
    mut figures: impl Iterator<Item = &'a Figure>,
    case: &str,
    subject: &str,
    metric: &str,
) -> Option<f64> {
    let is_it = |f: &&Figure| f.case == case && f.subject == subject && f.metric == metric;
    figures.find(is_it).map(|figure| figure.value)
}

/// Each item once, in the order of first appearance.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct
}
