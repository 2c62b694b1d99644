//! Small tables of text: names to the left, everything else to the right.

use std::fmt;

/// A table whose first column holds names. It is written by [`fmt::Display`], each row as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads of columns.
    pub fn new(head: impl IntoIterator<Item = impl Into<String>>) -> Table {
        Table { rows: vec![head.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row; cells that it lacks are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Width of a column in characters.
    fn width(&self, column: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(|column| self.width(column)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                line += &if column == 0 { format!("{cell:<width$}") } else { format!("   {cell:>width$}") };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_left_and_numbers_right() {
        let mut table = Table::new(["", "web", "worker"]);
        table.row(["downtime.total", "12.34 s", "–"]);
        table.row(["peak_tasks", "3"]);
        insta::assert_snapshot!(table, @r"
                             web   worker
        downtime.total   12.34 s        –
        peak_tasks             3
        ");
    }

    #[test]
    fn a_table_without_rows_is_its_head() {
        assert_eq!(Table::new(["a", "b"]).to_string(), "a   b\n");
        assert_eq!(Table::new([""; 0]).to_string(), "\n");
    }
}
