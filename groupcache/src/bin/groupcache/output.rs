use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use serde::Serialize;

use super::failure::Failure;
use super::plain::{plain, plain_json};

/// How a command writes what it has found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// One JSON value, and nothing else.
    pub(super) json: bool,
    colours: bool,
}

/// How a row of a table looks on a terminal with colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Usual,
    Good,
    Bad,
    /// Worth a look.
    Odd,
    Sum,
}

/// A row: its tone and its cells.
pub(super) type Row = (Tone, Vec<String>);

impl Output {
    /// Colours are for terminals, unless the variable `NO_COLOR` is set.
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            colours: console::Term::stdout().features().colors_supported(),
        }
    }

    /// Writes one JSON value.
    pub(super) fn value(self, value: &impl Serialize) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        self.line(&plain_json(&json))
    }

    /// Writes one of several JSON values, on a line of its own.
    pub(super) fn value_line(self, value: &impl Serialize) -> Result<(), Failure> {
        let json = serde_json::to_string(value).map_err(io::Error::from)?;
        self.line(&plain_json(&json))
    }

    /// Writes a line as it is. Texts of others are made [`plain`] before.
    pub(super) fn line(self, text: &str) -> Result<(), Failure> {
        writeln!(io::stdout().lock(), "{text}")?;
        Ok(())
    }

    /// A table with these columns, of which those after the first `left` are numbers.
    pub(super) fn table(self, columns: &[&str], left: usize, rows: Vec<Row>) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        // A table that is broken to fit a narrow window can neither be copied from nor searched.
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().copied());
        for (tone, cells) in rows {
            let cells = cells.iter().map(|text| self.cell(tone, text));
            table.add_row(cells.collect::<Vec<_>>());
        }
        for column in table.column_iter_mut().skip(left) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.trim_fmt()
    }

    fn cell(self, tone: Tone, text: &str) -> Cell {
        let cell = Cell::new(plain(text));
        if !self.colours {
            return cell;
        }
        match tone {
            Tone::Usual => cell,
            Tone::Good => cell.fg(Color::Green),
            Tone::Bad => cell.fg(Color::Red),
            Tone::Odd => cell.fg(Color::Yellow),
            Tone::Sum => cell.add_attribute(comfy_table::Attribute::Bold),
        }
    }
}
