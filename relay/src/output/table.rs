//! Tables: columns that are as wide as their widest cell, cut to the terminal's width.

use std::io;

use super::{
    Output, Tone,
    text::{columns, cut, shown},
};

/// Columns between two columns.
const GAP: &str = "  ";
/// Least columns that a column is cut to.
const LEAST: usize = 6;

/// The head of a column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Title, in capitals.
    pub title: &'static str,
    /// Whether the cells are numbers, which stand at the right.
    pub right: bool,
    /// Whether the cells are cut if the terminal is too narrow. Ids are not: a part of one is of no use.
    pub may_shrink: bool,
}

impl Column {
    /// A column of texts that are never cut.
    pub const fn whole(title: &'static str) -> Self {
        Self { title, right: false, may_shrink: false }
    }

    /// A column of texts that may be cut.
    pub const fn text(title: &'static str) -> Self {
        Self { title, right: false, may_shrink: true }
    }

    /// A column of numbers.
    pub const fn number(title: &'static str) -> Self {
        Self { title, right: true, may_shrink: false }
    }
}

/// A table that is printed once it is complete.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(String, Tone)>>,
}

impl Table {
    /// A table without rows.
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
        let widths = self.widths(out.width());
        if !continued {
            let titles = self.columns.iter().map(|column| (column.title, Tone::Strong));
            out.line(&self.line(out, &widths, titles))?;
        }
        for row in &self.rows {
            let cells = row.iter().map(|(text, tone)| (text.as_str(), *tone));
            out.line(&self.line(out, &widths, cells))?;
        }
        Ok(())
    }

    fn widths(&self, terminal: Option<usize>) -> Vec<usize> {
        let widest = |(at, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let widest = cells.map(|(text, _)| columns(text)).max().unwrap_or_default();
            widest.max(columns(column.title))
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(widest).collect();
        let Some(terminal) = terminal else { return widths };
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(terminal);
        // The widest of those that may shrink gives first.
        while 0 < over {
            let shrinks = |at: &usize| self.columns[*at].may_shrink && LEAST < widths[*at];
            let Some(at) = (0..widths.len()).filter(shrinks).max_by_key(|at| widths[*at]) else {
                break;
            };
            widths[at] -= 1;
            over -= 1;
        }
        widths
    }

    /// A line of cells, without spaces at its end.
    fn line<'c>(
        &self,
        out: &Output,
        widths: &[usize],
        cells: impl Iterator<Item = (&'c str, Tone)>,
    ) -> String {
        let mut line = String::new();
        for (at, (text, tone)) in cells.enumerate().take(widths.len()) {
            if 0 < at {
                line.push_str(GAP);
            }
            let text = cut(text, widths[at]);
            let space = " ".repeat(widths[at] - columns(&text));
            let text = out.toned(tone, &text);
            match self.columns[at].right {
                true => line.extend([space.as_str(), &text]),
                false => line.extend([text.as_str(), &space]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let columns = [Column::whole("ID"), Column::text("TYPE"), Column::number("N")];
        let mut table = Table::new(columns);
        table
            .row(["evt_1", "job.succeeded\x1b[2J", "7"].map(|text| (text.to_owned(), Tone::Plain)));
        table
    }

    #[test]
    fn a_narrow_terminal_cuts_what_may_be_cut_and_nothing_else() {
        let table = table();
        // 5 for the id, 20 for the type with its escape, 1 for the number, 4 between them.
        assert_eq!(table.widths(None), [5, 20, 1]);
        assert_eq!(table.widths(Some(30)), [5, 20, 1]);
        assert_eq!(table.widths(Some(20)), [5, 10, 1]);
        assert_eq!(table.widths(Some(3)), [5, LEAST, 1]);
        let out = Output::new(super::super::OutputArgs { json: true });
        let cells = table.rows[0].iter().map(|(text, tone)| (text.as_str(), *tone));
        assert_eq!(table.line(&out, &[5, 10, 3], cells), "evt_1  job.succe…    7");
    }
}
