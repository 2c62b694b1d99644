//! The table of tasks: `docker service ps`, `docker stack ps`.
//!
//! Source: cli: cli/command/task/{print,formatter}.go (cli-and-compose c.2).

use super::columns::aligned;
use super::id::short;
use super::json_line;
use super::words::{capitalised, ellipsis, familiar_image, human_duration, natural_order};
use crate::kernel::Span;
use crate::model::service::PortConfig;
use crate::model::task::TaskState;

/// Longest error that is shown, in characters.
const MAX_ERROR: usize = 30;

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRow {
    /// Its id.
    pub id: String,
    /// `web.1`; of a global service, the name of the service and the id of the node.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Hostname of its node, or the id of one that is no member any more; empty without a node.
    pub node: String,
    /// DESIRED STATE.
    pub desired: TaskState,
    /// CURRENT STATE.
    pub state: TaskState,
    /// Since when it has been in that state.
    pub age: Span,
    /// What went wrong, or nothing.
    pub error: String,
    /// Ports that it has on its node.
    pub ports: Vec<PortConfig>,
}

/// Sorts tasks by name; of those that have one name, the newest comes first if it stands first before.
pub fn sort(rows: &mut [TaskRow]) {
    rows.sort_by(|a, b| natural_order(&a.name, &b.name));
}

/// The table of sorted tasks. Earlier tasks of a slot are indented; unless `no_trunc`, what is long is cut.
pub fn table(rows: &[TaskRow], no_trunc: bool) -> String {
    let head = ["ID", "NAME", "IMAGE", "NODE", "DESIRED STATE", "CURRENT STATE", "ERROR", "PORTS"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    let mut previous = "";
    for row in rows {
        let mut cells = cells(row, no_trunc);
        if row.name == previous {
            cells[1] = format!(r" \_ {}", row.name);
        }
        previous = &row.name;
        lines.push(cells.to_vec());
    }
    aligned(&lines)
}

/// An object for each task, each on a line.
pub fn json(rows: &[TaskRow], no_trunc: bool) -> String {
    let line = |row: &TaskRow| {
        let [id, name, image, node, desired, current, error, ports] = cells(row, no_trunc);
        json_line([
            ("CurrentState", current.into()),
            ("DesiredState", desired.into()),
            ("Error", error.into()),
            ("ID", id.into()),
            ("Image", image.into()),
            ("Name", name.into()),
            ("Node", node.into()),
            ("Ports", ports.into()),
        ])
    };
    rows.iter().map(line).collect()
}

/// The whole ids alone, each on a line.
pub fn ids(rows: &[TaskRow]) -> String {
    rows.iter().map(|row| format!("{}\n", row.id)).collect()
}

fn cells(row: &TaskRow, no_trunc: bool) -> [String; 8] {
    let error = if no_trunc { row.error.clone() } else { ellipsis(&row.error, MAX_ERROR) };
    let ports: Vec<String> = row
        .ports
        .iter()
        .map(|port| format!("*:{}->{}/{}", port.published, port.target, port.protocol.name()))
        .collect();
    [
        if no_trunc { row.id.clone() } else { short(&row.id) },
        row.name.clone(),
        if no_trunc { row.image.clone() } else { familiar_image(&row.image).to_owned() },
        row.node.clone(),
        capitalised(row.desired.name()),
        format!("{} {} ago", capitalised(row.state.name()), human_duration(row.age).to_lowercase()),
        if error.is_empty() { error } else { format!("\"{error}\"") },
        ports.join(","),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::{Protocol, PublishMode};

    fn row(name: &str, id: &str) -> TaskRow {
        let port = PortConfig { target: 80, published: 8080, protocol: Protocol::Tcp, mode: PublishMode::Host };
        TaskRow {
            id: format!("{id}aaaaaaaaaaaaaaaaaaaaaaaa"),
            name: name.to_owned(),
            image: "nginx:1.27@sha256:0123".to_owned(),
            node: "node1".to_owned(),
            desired: TaskState::Shutdown,
            state: TaskState::Failed,
            age: Span::from_secs(75),
            error: "starting container failed: no room".to_owned(),
            ports: vec![port],
        }
    }

    /// Cli-and-compose c.2.
    #[test]
    fn earlier_tasks_of_a_slot_are_indented_and_what_is_long_is_cut() {
        let mut rows = [row("web.10", "1"), row("web.9", "3"), row("web.9", "2")];
        sort(&mut rows);
        insta::assert_snapshot!(table(&rows, false), @r#"
        ID             NAME        IMAGE        NODE      DESIRED STATE   CURRENT STATE               ERROR                              PORTS
        3aaaaaaaaaaa   web.9       nginx:1.27   node1     Shutdown        Failed about a minute ago   "starting container failed: no…"   *:8080->80/tcp
        2aaaaaaaaaaa    \_ web.9   nginx:1.27   node1     Shutdown        Failed about a minute ago   "starting container failed: no…"   *:8080->80/tcp
        1aaaaaaaaaaa   web.10      nginx:1.27   node1     Shutdown        Failed about a minute ago   "starting container failed: no…"   *:8080->80/tcp
        "#);
        let whole = table(&rows[..1], true);
        assert!(whole.contains("3aaaaaaaaaaaaaaaaaaaaaaaa") && whole.contains("@sha256:0123"), "{whole}");
        assert!(whole.contains("\"starting container failed: no room\""), "{whole}");
    }

    #[test]
    fn json_has_an_object_a_line_with_names_as_they_are() {
        let text = json(&[row("web.1", "2"), row("web.1", "1")], false);
        insta::assert_snapshot!(text, @r#"
        {"CurrentState":"Failed about a minute ago","DesiredState":"Shutdown","Error":"\"starting container failed: no…\"","ID":"2aaaaaaaaaaa","Image":"nginx:1.27","Name":"web.1","Node":"node1","Ports":"*:8080-\u003e80/tcp"}
        {"CurrentState":"Failed about a minute ago","DesiredState":"Shutdown","Error":"\"starting container failed: no…\"","ID":"1aaaaaaaaaaa","Image":"nginx:1.27","Name":"web.1","Node":"node1","Ports":"*:8080-\u003e80/tcp"}
        "#);
    }
}
