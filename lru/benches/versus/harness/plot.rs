//! Plots of a report's figures, as SVG.

use std::fmt::Write as _;

use super::report::Report;

const WIDTH: usize = 900;
/// Where the plotted area begins and ends. The names of the rows are to the left of it.
const LEFT: usize = 280;
const RIGHT: usize = 820;
/// Our store comes first wherever it takes part, and has the colour that stands out.
const COLORS: [&str; 10] = [
    "#c8102e", "#1b6ca8", "#7fb2d9", "#e0a13b", "#5b8c5a", "#a05a9c", "#8d6b4f", "#9aa0a6",
    "#444444", "#2aa198",
];

/// Rows of figures, with one colour for each subject.
pub(crate) struct Plot {
    name: &'static str,
    title: String,
    /// A line below the rest; may be empty.
    note: &'static str,
    subjects: Vec<&'static str>,
    rows: Vec<Row>,
    marks: Marks,
}

struct Row {
    label: String,
    /// One for each subject.
    values: Vec<Option<f64>>,
}

/// How a figure is shown.
enum Marks {
    /// As bars, the longest of each row over the whole width, with this many decimals.
    Bars(usize),
    /// As dots on one line, from 0 to 100.
    Dots,
}

impl Plot {
    /// A bar for each figure that has one of the metrics. Each metric comes with its title.
    pub(crate) fn bars(
        report: &Report,
        name: &'static str,
        title: impl Into<String>,
        metrics: &[(&str, &str)],
        decimals: usize,
    ) -> Self {
        let first = metrics.first().map_or("", |(metric, _)| metric);
        Self::new(
            report,
            name,
            title,
            report.subjects(first),
            metrics,
            Marks::Bars(decimals),
        )
    }

    /// A dot for each percentage of these subjects.
    pub(crate) fn dots(
        report: &Report,
        name: &'static str,
        title: impl Into<String>,
        subjects: &[&'static str],
        metric: &str,
    ) -> Self {
        Self::new(
            report,
            name,
            title,
            subjects.to_vec(),
            &[(metric, "")],
            Marks::Dots,
        )
    }

    fn new(
        report: &Report,
        name: &'static str,
        title: impl Into<String>,
        subjects: Vec<&'static str>,
        metrics: &[(&str, &str)],
        marks: Marks,
    ) -> Self {
        let first = metrics.first().map_or("", |(metric, _)| metric);
        let row = |case: &str, metric: &str, called: &str| Row {
            label: format!("{case}{called}"),
            values: subjects
                .iter()
                .map(|subject| report.value(case, subject, metric))
                .collect(),
        };
        let rows = report
            .cases(first)
            .into_iter()
            .flat_map(|case| {
                metrics
                    .iter()
                    .map(move |(metric, called)| (case, metric, called))
            })
            .map(|(case, metric, called)| row(case, metric, called))
            .filter(|row| row.values.iter().any(Option::is_some))
            .collect();
        Self {
            name,
            title: title.into(),
            note: "",
            subjects,
            rows,
            marks,
        }
    }

    /// Adds a line below the rest.
    pub(crate) fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn svg(&self) -> String {
        let mut body = String::new();
        let mut y = 52;
        // Writing to a string cannot fail.
        _ = writeln!(
            body,
            "<text x=\"10\" y=\"20\" font-size=\"14\">{}</text>",
            escape(&self.title)
        );
        let mut x = 10;
        for (subject, color) in self.subjects.iter().zip(COLORS.iter().cycle()) {
            _ = writeln!(
                body,
                "<rect x=\"{x}\" y=\"32\" width=\"10\" height=\"10\" fill=\"{color}\"/><text x=\"{}\" y=\"41\">{subject}</text>",
                x + 14
            );
            x += 28 + 7 * subject.len();
        }
        for row in &self.rows {
            let height = match self.marks {
                Marks::Bars(decimals) => bars(&mut body, row, y, decimals),
                Marks::Dots => dots(&mut body, row, y),
            };
            _ = writeln!(
                body,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                LEFT - 8,
                y + height / 2 + 2,
                escape(&row.label)
            );
            y += height;
        }
        if matches!(self.marks, Marks::Dots) {
            y += axis(&mut body, y);
        }
        if !self.note.is_empty() {
            y += 14;
            _ = writeln!(
                body,
                "<text x=\"10\" y=\"{y}\" font-size=\"9\">{}</text>",
                escape(self.note)
            );
        }
        let height = y + 10;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
        )
    }
}

/// Draws a row from `y` down, and returns its height.
fn bars(body: &mut String, row: &Row, y: usize, decimals: usize) -> usize {
    const BAR: usize = 11;
    let most = row
        .values
        .iter()
        .flatten()
        .copied()
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut at = y;
    for (value, color) in row.values.iter().zip(COLORS.iter().cycle()) {
        let Some(value) = value else { continue };
        let width = value / most * (RIGHT - LEFT) as f64;
        _ = writeln!(
            body,
            "<rect x=\"{LEFT}\" y=\"{at}\" width=\"{width:.1}\" height=\"{}\" fill=\"{color}\"/><text x=\"{:.1}\" y=\"{}\" font-size=\"9\">{value:.decimals$}</text>",
            BAR - 1,
            LEFT as f64 + width + 4.0,
            at + BAR - 2
        );
        at += BAR;
    }
    at + 8 - y
}

/// Draws a row from `y` down, and returns its height.
fn dots(body: &mut String, row: &Row, y: usize) -> usize {
    const HEIGHT: usize = 16;
    let middle = y + HEIGHT / 2;
    _ = writeln!(
        body,
        "<line x1=\"{LEFT}\" y1=\"{middle}\" x2=\"{RIGHT}\" y2=\"{middle}\" stroke=\"#dddddd\"/>"
    );
    // The first subject is ours, so its dot is drawn last, on top.
    for (n, value) in row.values.iter().enumerate().rev() {
        let Some(value) = value else { continue };
        let x = LEFT as f64 + value / 100.0 * (RIGHT - LEFT) as f64;
        let radius = if n == 0 { 5 } else { 4 };
        _ = writeln!(
            body,
            "<circle cx=\"{x:.1}\" cy=\"{middle}\" r=\"{radius}\" fill=\"{}\" fill-opacity=\"0.85\"/>",
            COLORS[n % COLORS.len()]
        );
    }
    if let Some(Some(ours)) = row.values.first() {
        _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{}\" font-size=\"9\">{ours:.1} %</text>",
            RIGHT + 8,
            middle + 3
        );
    }
    HEIGHT
}

/// Draws the axis of the dots from `y` down, and returns its height.
fn axis(body: &mut String, y: usize) -> usize {
    for percent in [0, 25, 50, 75, 100] {
        let x = LEFT + (RIGHT - LEFT) * percent / 100;
        _ = writeln!(
            body,
            "<text x=\"{x}\" y=\"{}\" font-size=\"9\" text-anchor=\"middle\">{percent} %</text>",
            y + 12
        );
    }
    14
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
