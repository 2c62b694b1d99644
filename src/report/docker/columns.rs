//! Columns of text as docker's tables have them.

/// Narrowest column.
const MIN_WIDTH: usize = 10;

/// Blanks after the longest cell of a column.
const PADDING: usize = 3;

/// Rows as lines, each column as wide as its longest cell and the padding. What stands last in a row is not padded.
///
/// Source: cli: cli/command/formatter/formatter.go `postFormat`; Go's text/tabwriter.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length = |cell: &String| cell.chars().count();
    let width = |column: usize| {
        let longest = rows.iter().filter_map(|row| row.get(column)).map(length).max().unwrap_or(0);
        (longest + PADDING).max(MIN_WIDTH)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        if let Some((last, cells)) = row.split_last() {
            cells.iter().zip(&widths).for_each(|(cell, width)| text += &format!("{cell:<width$}"));
            text += last;
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_longest_cell_and_not_too_narrow() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let text = aligned(&[row(&["ID", "NAME", "PORTS"]), row(&["12345678…", "a", "*:80"]), row(&["1", "b", ""])]);
        assert_eq!(text, "ID          NAME      PORTS\n12345678…   a         *:80\n1           b         \n");
    }
}
