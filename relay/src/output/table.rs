//! Tables: columns that are as wide as their widest cell, cut to the terminal's width.

use std::io;

use super::{
    Output, Tone,
    text::{columns, cut, shown},
};

/// The space between two columns of a table.
const GAP: &str = "  ";
/// Least columns that a text is cut to. Before it would be shorter, another column is left out.
const LEAST: usize = 12;

/// The head of a column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    kind: ColumnKind,
}

/// The content of a column, by which it is cut or left out where the terminal is too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnKind {
    /// Stays as it is. Of an id a part is of no use.
    Whole,
    /// Is cut, then left out.
    Text,
    /// Stands at the right, and is left out.
    Number,
    /// A time in RFC 3339. A terminal shows it without year and marks; then it is left out.
    Time,
}

impl Column {
    /// A column of texts that are never cut.
    pub const fn whole(title: &'static str) -> Self {
        Self { title, kind: ColumnKind::Whole }
    }

    /// A column of texts that may be cut.
    pub const fn text(title: &'static str) -> Self {
        Self { title, kind: ColumnKind::Text }
    }

    /// A column of numbers with this title.
    pub const fn number(title: &'static str) -> Self {
        Self { title, kind: ColumnKind::Number }
    }

    /// A column of times with this title.
    pub const fn time(title: &'static str) -> Self {
        Self { title, kind: ColumnKind::Time }
    }
}

/// A table that is printed once it is complete.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

/// The cells of a row.
type Row = Vec<(String, Tone)>;

impl Table {
    /// A table with these columns and no rows.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row of cells. Cells are made harmless here.
    pub fn row(&mut self, cells: impl IntoIterator<Item = (String, Tone)>) {
        let cells = cells.into_iter().map(|(text, tone)| (shown(&text).into_owned(), tone));
        self.rows.push(cells.collect());
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Prints the table, without its head if `continued`.
    ///
    /// # Errors
    /// Fails if standard output cannot be written.
    pub fn print(&self, out: &Output, continued: bool) -> io::Result<()> {
        let rows = match out.width() {
            Some(_) => &self.with_short_times(),
            None => &self.rows,
        };
        let widths = self.widths(rows, out.width());
        if !continued {
            let titles = self.columns.iter().map(|column| (column.title, Tone::Strong));
            out.line(&self.line(out, &widths, titles))?;
        }
        for row in rows {
            let cells = row.iter().map(|(text, tone)| (text.as_str(), *tone));
            out.line(&self.line(out, &widths, cells))?;
        }
        Ok(())
    }

    fn with_short_times(&self) -> Vec<Row> {
        let mut rows = self.rows.clone();
        for (at, column) in self.columns.iter().enumerate() {
            if column.kind == ColumnKind::Time {
                for (text, _) in rows.iter_mut().filter_map(|row| row.get_mut(at)) {
                    *text = short(text);
                }
            }
        }
        rows
    }

    /// The width of each column; `None` for those that are left out, of which the rightmost goes first.
    fn widths(&self, rows: &[Row], terminal: Option<usize>) -> Vec<Option<usize>> {
        let widest = |(at, column): (usize, &Column)| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            let widest = cells.map(|(text, _)| columns(text)).max().unwrap_or_default();
            Some(widest.max(columns(column.title)))
        };
        let mut widths: Vec<_> = self.columns.iter().enumerate().map(widest).collect();
        let Some(terminal) = terminal else { return widths };
        let is = |at: usize, kind| self.columns[at].kind == kind;
        let least = |(at, width): (usize, &Option<usize>)| {
            width.map(|width| if is(at, ColumnKind::Text) { width.min(LEAST) } else { width })
        };
        while terminal < all(widths.iter().enumerate().map(least)) {
            let leaves = |at: &usize| widths[*at].is_some() && !is(*at, ColumnKind::Whole);
            let Some(last) = (1..widths.len()).rev().find(leaves) else { break };
            widths[last] = None;
        }
        // The widest of those that are cut gives first.
        while terminal < all(widths.iter().copied()) {
            let gives = |at: &usize| is(*at, ColumnKind::Text) && Some(LEAST) < widths[*at];
            let widest = (0..widths.len()).filter(gives).max_by_key(|at| widths[*at]);
            let Some(widest) = widest else { break };
            widths[widest] = widths[widest].map(|width| width - 1);
        }
        widths
    }

    /// A line of cells, without spaces at its end.
    fn line<'c>(
        &self,
        out: &Output,
        widths: &[Option<usize>],
        cells: impl Iterator<Item = (&'c str, Tone)>,
    ) -> String {
        let mut line = String::new();
        for ((text, tone), (column, width)) in cells.zip(self.columns.iter().zip(widths)) {
            let Some(width) = *width else { continue };
            if !line.is_empty() {
                line.push_str(GAP);
            }
            let text = cut(text, width);
            let space = " ".repeat(width - columns(&text));
            let text = out.toned(tone, &text);
            match column.kind {
                ColumnKind::Number => line.extend([space.as_str(), &text]),
                _ => line.extend([text.as_str(), &space]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The columns that a line takes, with the gaps.
fn all(widths: impl Iterator<Item = Option<usize>>) -> usize {
    let (count, sum) =
        widths.flatten().fold((0, 0), |(count, sum), width| (count + 1, sum + width));
    sum + GAP.len() * usize::saturating_sub(count, 1)
}

/// `2026-11-27T12:00:00Z` as `11-27 12:00:00`. Other texts stay.
fn short(text: &str) -> String {
    match (text.get(4..5), text.get(5..10), text.get(10..11), text.get(11..19), text.get(19..)) {
        (Some("-"), Some(day), Some("T"), Some(time), Some(rest)) if rest.ends_with('Z') => {
            format!("{day} {time}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let columns = [
            Column::time("TIME"),
            Column::text("TYPE"),
            Column::number("N"),
            Column::text("JOB"),
            Column::whole("ID"),
        ];
        let mut table = Table::new(columns);
        let cells = ["2026-11-27T12:00:09Z", "job.succeeded\x1b[2J", "7", "job-1", "evt_1"];
        table.row(cells.map(|text| (text.to_owned(), Tone::Plain)));
        table
    }

    #[test]
    fn a_narrow_terminal_cuts_texts_then_leaves_columns_out_and_never_cuts_an_id() {
        let table = table();
        assert_eq!(table.widths(&table.rows, None), [20, 20, 1, 5, 5].map(Some));
        let rows = table.with_short_times();
        let widths = |terminal| table.widths(&rows, Some(terminal));
        // 14 for the time, 20 for the type with its escape, 8 for the gaps.
        assert_eq!(widths(80), [14, 20, 1, 5, 5].map(Some));
        assert_eq!(widths(53), [14, 20, 1, 5, 5].map(Some));
        assert_eq!(widths(46), [14, 13, 1, 5, 5].map(Some));
        assert_eq!(widths(40), [Some(14), Some(14), Some(1), None, Some(5)]);
        assert_eq!(widths(36), [Some(14), Some(13), None, None, Some(5)]);
        assert_eq!(widths(29), [Some(14), None, None, None, Some(5)]);
        let out = Output::new(super::super::OutputArgs { json: true });
        let cells = rows[0].iter().map(|(text, tone)| (text.as_str(), *tone));
        let widths = [Some(14), Some(10), Some(3), None, Some(5)];
        assert_eq!(table.line(&out, &widths, cells), "11-27 12:00:09  job.succe…    7  evt_1");
    }

    #[test]
    fn a_time_is_shortened_and_nothing_else() {
        assert_eq!(short("2026-11-27T12:00:09.123Z"), "11-27 12:00:09");
        for other in ["", "-", "2026-11-27", "2026-11-27T12:00:09+01:00", "éééééééééééééééééééé"]
        {
            assert_eq!(short(other), other);
        }
    }
}
