//! The table of nodes: `docker node ls`.
//!
//! Source: cli: cli/command/node/{list,formatter}.go (cli-and-compose c.4).

use super::columns::aligned;
use super::json_line;
use super::words::{capitalised, natural_order};
use crate::model::node::{Availability, ManagerStatus, NodeState};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its id.
    pub id: String,
    /// Whether the client asks this node.
    pub is_self: bool,
    /// Its hostname.
    pub hostname: String,
    /// STATUS.
    pub state: NodeState,
    /// AVAILABILITY.
    pub availability: Availability,
    /// MANAGER STATUS; `None`: a worker.
    pub manager: Option<ManagerStatus>,
    /// Version of its engine.
    pub engine_version: String,
}

/// The table of nodes, sorted by hostname. The node that is asked has a star.
pub fn table(rows: &[NodeRow]) -> String {
    let head = ["ID", "HOSTNAME", "STATUS", "AVAILABILITY", "MANAGER STATUS", "ENGINE VERSION"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for row in sorted(rows) {
        let mut cells = cells(row);
        cells[0] += if row.is_self { " *" } else { "  " };
        lines.push(cells.to_vec());
    }
    aligned(&lines)
}

/// An object for each node, each on a line.
pub fn json(rows: &[NodeRow]) -> String {
    let line = |row: &NodeRow| {
        let [id, hostname, status, availability, manager, engine_version] = cells(row);
        json_line([
            ("Availability", availability.into()),
            ("EngineVersion", engine_version.into()),
            ("Hostname", hostname.into()),
            ("ID", id.into()),
            ("ManagerStatus", manager.into()),
            ("Self", row.is_self.into()),
            ("Status", status.into()),
        ])
    };
    sorted(rows).into_iter().map(line).collect()
}

/// The ids alone, each on a line.
pub fn ids(rows: &[NodeRow]) -> String {
    sorted(rows).into_iter().map(|row| format!("{}\n", row.id)).collect()
}

fn sorted(rows: &[NodeRow]) -> Vec<&NodeRow> {
    let mut rows: Vec<&NodeRow> = rows.iter().collect();
    rows.sort_by(|a, b| natural_order(&a.hostname, &b.hostname));
    rows
}

fn cells(row: &NodeRow) -> [String; 6] {
    [
        row.id.clone(),
        row.hostname.clone(),
        capitalised(row.state.name()),
        capitalised(row.availability.name()),
        row.manager.map_or_else(String::new, |status| capitalised(status.name())),
        row.engine_version.clone(),
    ]
}
