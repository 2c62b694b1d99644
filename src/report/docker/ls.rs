//! Tables of services and of stacks: `docker service ls`, `docker stack services`, `docker stack ls`.
//!
//! Source: cli: cli/command/service/formatter.go, cli/command/stack/list_formatter.go (cli-and-compose c.3).

use super::columns::aligned;
use super::id::short;
use super::json_line;
use super::release::Release;
use super::words::{familiar_image, natural_order};
use crate::model::service::{PortConfig, PublishMode};

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it has one task on every node.
    pub is_global: bool,
    /// Tasks that are observed RUNNING, of whatever version.
    pub running: u32,
    /// Tasks that are wanted.
    pub desired: u32,
    /// Most tasks on one node; 0: no limit.
    pub max_per_node: u32,
    /// Its image.
    pub image: String,
    /// Its ports.
    pub ports: Vec<PortConfig>,
}

/// The table of services, sorted by name.
pub fn services(rows: &[ServiceRow]) -> String {
    let head = ["ID", "NAME", "MODE", "REPLICAS", "IMAGE", "PORTS"].map(str::to_owned).to_vec();
    let lines: Vec<Vec<String>> =
        [head].into_iter().chain(sorted(rows).into_iter().map(|row| cells(row).to_vec())).collect();
    aligned(&lines)
}

/// An object for each service, each on a line.
pub fn services_json(rows: &[ServiceRow]) -> String {
    let line = |row| {
        let [id, name, mode, replicas, image, ports] = cells(row);
        json_line([
            ("ID", id.into()),
            ("Image", image.into()),
            ("Mode", mode.into()),
            ("Name", name.into()),
            ("Ports", ports.into()),
            ("Replicas", replicas.into()),
        ])
    };
    sorted(rows).into_iter().map(line).collect()
}

/// The ids of services alone, cut as in the table.
pub fn service_ids(rows: &[ServiceRow]) -> String {
    sorted(rows).into_iter().map(|row| short(&row.id) + "\n").collect()
}

fn sorted(rows: &[ServiceRow]) -> Vec<&ServiceRow> {
    let mut rows: Vec<&ServiceRow> = rows.iter().collect();
    rows.sort_by(|a, b| natural_order(&a.name, &b.name));
    rows
}

fn cells(row: &ServiceRow) -> [String; 6] {
    let limit = match row.max_per_node {
        1.. if !row.is_global => format!(" (max {} per node)", row.max_per_node),
        _ => String::new(),
    };
    [
        short(&row.id),
        row.name.clone(),
        if row.is_global { "global" } else { "replicated" }.to_owned(),
        format!("{}/{}{limit}", row.running, row.desired),
        familiar_image(&row.image).to_owned(),
        published(&row.ports),
    ]
}

/// Ports of the routing mesh, neighbours as ranges: `*:8080-8081->80-81/tcp, *:53->53/udp`.
///
/// Source: cli: cli/command/service/formatter.go `Ports`.
fn published(ports: &[PortConfig]) -> String {
    let mut ports: Vec<&PortConfig> = ports.iter().filter(|port| port.mode == PublishMode::Ingress).collect();
    ports.sort_by_key(|port| (port.protocol.name(), port.published));
    let mut ranges: Vec<(&PortConfig, &PortConfig)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((first, last)) if continues(first, last, port) => *last = port,
            _ => ranges.push((port, port)),
        }
    }
    let range = |from: u16, to: u16| if to > from { format!("{from}-{to}") } else { from.to_string() };
    let texts = ranges.iter().map(|(first, last)| {
        let (published, target) = (range(first.published, last.published), range(first.target, last.target));
        format!("*:{published}->{target}/{}", first.protocol.name())
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// Whether a port goes on with a range: both of its numbers follow, or stay; once the target has moved it may not stay.
fn continues(first: &PortConfig, last: &PortConfig, next: &PortConfig) -> bool {
    let target_has_moved = first.target != last.target;
    let follows = |last: u16, next: u16| next.wrapping_sub(last) <= 1;
    next.protocol == last.protocol
        && follows(last.published, next.published)
        && follows(last.target, next.target)
        && !(target_has_moved && next.target <= last.target)
}

/// A stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackRow {
    /// Its name.
    pub name: String,
    /// How many services it has.
    pub services: u32,
}

/// The table of stacks, sorted by name.
pub fn stacks(rows: &[StackRow], release: &Release) -> String {
    let head = ["NAME", "SERVICES"].into_iter().chain(release.orchestrator.map(|_| "ORCHESTRATOR"));
    let mut lines: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
    let mut rows: Vec<&StackRow> = rows.iter().collect();
    rows.sort_by(|a, b| natural_order(&a.name, &b.name));
    for row in rows {
        let cells = [row.name.clone(), row.services.to_string()].into_iter();
        lines.push(cells.chain(release.orchestrator.map(str::to_owned)).collect());
    }
    aligned(&lines)
}

/// An object for each stack, each on a line.
pub fn stacks_json(rows: &[StackRow], release: &Release) -> String {
    let mut rows: Vec<&StackRow> = rows.iter().collect();
    rows.sort_by(|a, b| natural_order(&a.name, &b.name));
    let line = |row: &&StackRow| {
        let (name, services) = (("Name", row.name.clone().into()), ("Services", row.services.to_string().into()));
        match release.orchestrator {
            Some(word) => json_line([name, ("Orchestrator", word.into()), services]),
            None => json_line([name, services]),
        }
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::release;
    use super::*;
    use crate::model::engine::Engine;
    use crate::model::service::Protocol;

    fn port(published: u16, target: u16, mode: PublishMode) -> PortConfig {
        PortConfig { target, published, protocol: Protocol::Tcp, mode }
    }

    /// Cli-and-compose c.3.
    #[test]
    fn neighbouring_ports_of_the_mesh_are_one_range() {
        use PublishMode::{Host, Ingress};
        let text = |ports: &[(u16, u16)]| {
            published(&ports.iter().map(|(published, target)| port(*published, *target, Ingress)).collect::<Vec<_>>())
        };
        assert_eq!(text(&[(8081, 81), (8080, 80), (8082, 82)]), "*:8080-8082->80-82/tcp");
        assert_eq!(text(&[(80, 80), (81, 80)]), "*:80-81->80/tcp");
        assert_eq!(text(&[(80, 80), (81, 81), (82, 80)]), "*:80-81->80-81/tcp, *:82->80/tcp");
        assert_eq!(text(&[(80, 80), (90, 80)]), "*:80->80/tcp, *:90->80/tcp");
        assert_eq!(published(&[port(80, 80, Host)]), "");
    }

    #[test]
    fn a_limit_per_node_stands_beside_the_replicas() {
        let row = |name: &str, is_global, max_per_node| ServiceRow {
            id: "0123456789abcdefghijklmno".to_owned(),
            name: name.to_owned(),
            is_global,
            running: 4,
            desired: 3,
            max_per_node,
            image: "app:1".to_owned(),
            ports: vec![port(80, 80, PublishMode::Ingress)],
        };
        let rows = [row("web10", false, 1), row("web9", true, 1)];
        insta::assert_snapshot!(services(&rows), @r"
        ID             NAME      MODE         REPLICAS               IMAGE     PORTS
        0123456789ab   web9      global       4/3                    app:1     *:80->80/tcp
        0123456789ab   web10     replicated   4/3 (max 1 per node)   app:1     *:80->80/tcp
        ");
        insta::assert_snapshot!(services_json(&rows[..1]), @r#"{"ID":"0123456789ab","Image":"app:1","Mode":"replicated","Name":"web10","Ports":"*:80-\u003e80/tcp","Replicas":"4/3 (max 1 per node)"}"#);
    }

    #[test]
    fn the_older_client_names_the_orchestrator_of_a_stack() {
        let rows = [StackRow { name: "shop".to_owned(), services: 3 }];
        insta::assert_snapshot!(stacks(&rows, release::of(Engine::Current)), @r"
        NAME      SERVICES
        shop      3
        ");
        insta::assert_snapshot!(stacks(&rows, release::of(Engine::V20_10)), @r"
        NAME      SERVICES   ORCHESTRATOR
        shop      3          Swarm
        ");
        assert_eq!(stacks_json(&rows, release::of(Engine::Current)), "{\"Name\":\"shop\",\"Services\":\"3\"}\n");
    }
}
