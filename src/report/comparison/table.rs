//! The table of a comparison, for the terminal.

use super::super::estimate::Estimate;
use super::super::seeds::{OF_NODES, amount, counted_words, is_split};
use super::super::table::Table;
use super::signed;
use crate::experiment::compare::{Cell, Comparison, Row};

/// A comparison of policies: a column for each, and for each but the first its difference to the first on the same seeds.
pub fn table(comparison: &Comparison) -> String {
    let is_same = |row: &Row| row.cells.iter().skip(1).all(|cell| is_alike(&row.cells[0], cell));
    let verdict = if comparison.rows.iter().all(is_same) {
        "\nno difference: every run is the same under all policies\n"
    } else {
        ""
    };
    tables(comparison) + verdict
}

/// Whether every run has the same under a policy as under the first, as far as can be told.
fn is_alike(first: &Cell, cell: &Cell) -> bool {
    match (first, cell) {
        (Cell::None, Cell::None) => true,
        (Cell::Words(first), Cell::Words(words)) => first == words,
        (Cell::Number { values: first, .. }, Cell::Number { values, difference: Some(difference) }) => {
            // Of a seed in which only one of the two has a value there is no difference.
            let is_whole = [first.count, values.count] == [difference.count; 2];
            is_whole && Estimate::of(difference).is_nothing()
        }
        _ => false,
    }
}

fn tables(comparison: &Comparison) -> String {
    let mut services: Vec<&str> = comparison.rows.iter().map(|row| &*row.service).collect();
    services.dedup();
    let tables = services.iter().map(|service| {
        let mut heads = vec![if service.is_empty() { OF_NODES } else { service }.to_owned()];
        for (number, policy) in comparison.policies.iter().enumerate() {
            heads.push(policy.clone());
            if number > 0 {
                heads.push(format!("{policy} − {}", comparison.policies[0]));
            }
        }
        let mut table = Table::new(heads);
        let is_nothing = |cell: &Cell| matches!(cell, Cell::Number { values, .. } if values.max == 0.0);
        for row in comparison.rows.iter().filter(|row| row.service == *service) {
            if !(is_split(&row.metric) && row.cells.iter().all(is_nothing)) {
                table.row(comparison_row(row));
            }
        }
        table.to_string()
    });
    tables.collect::<Vec<String>>().join("\n")
}

fn comparison_row(row: &Row) -> Vec<String> {
    let mut cells = vec![row.metric.clone()];
    for (number, cell) in row.cells.iter().enumerate() {
        let difference = match cell {
            Cell::None => {
                cells.push("–".to_owned());
                String::new()
            }
            Cell::Words(words) => {
                cells.push(counted_words(words));
                String::new()
            }
            Cell::Number { values, difference } => {
                cells.push(amount(row.kind, values.mean));
                difference.map_or(String::new(), |difference| signed(row.kind, &Estimate::of(&difference)))
            }
        };
        if number > 0 {
            cells.push(difference);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{comparison, numbers, words};
    use super::*;

    #[test]
    fn all_runs_are_the_same_only_if_each_has_the_same_values() {
        let is_same = |metric: &'static str, cells: [Cell; 2]| {
            let alike = ("web", "peak_tasks", [numbers(&[4.0, 4.0], &[]), numbers(&[4.0, 4.0], &[0.0, 0.0])]);
            table(&comparison([alike, ("web", metric, cells)])).contains("no difference")
        };
        let first = || numbers(&[1.0, 2.0], &[]);
        assert!(is_same("update.detect", [first(), numbers(&[1.0, 2.0], &[0.0, 0.0])]));
        assert!(is_same("update.outcome", [words(&[("completed", 2)]), words(&[("completed", 2)])]));
        for differs in [
            numbers(&[1.0, 3.0], &[0.0, 1.0]),
            // In one of its runs there is no value.
            numbers(&[1.0], &[0.0]),
            // It has values where the first policy has none.
            numbers(&[1.0, 2.0], &[]),
            Cell::None,
        ] {
            assert!(!is_same("update.detect", [first(), differs]));
        }
        assert!(!is_same("update.detect", [numbers(&[1.0], &[]), numbers(&[1.0, 2.0], &[0.0])]));
        assert!(!is_same("update.outcome", [words(&[("completed", 2)]), words(&[("completed", 1)])]));
    }
}
