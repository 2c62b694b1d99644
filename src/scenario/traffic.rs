//! `traffic`: who sends requests.

use crate::diag::{Code, Diagnostic};
use crate::kernel::{IdVec, Span, Time};
use crate::model::ImageId;
use crate::model::client::{Access, Choice, ClientSpec, Connect, Grade, Load};
use crate::model::command::Command;
use crate::model::service::{EndpointMode, PublishMode, ServiceSpec};
use crate::sim::plan::{Image, TimedCommand};

use super::entry::{Entry, Places};
use super::lower::Names;
use super::rate::read_rate;
use super::read::{Fields, Named, Problems, Read, named, refuse, word};
use super::source::{Node, Spanned, Value};

/// Most users of a closed loop: each takes memory, and a million of them are a load test of their own.
const MOST_USERS: u32 = 1_000_000;

/// Pause before the first retry. `Assumed:` what common clients wait.
const BACKOFF: Span = Span::from_millis(100);

/// Who sends requests, as a scenario describes it.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// How exactly requests are advanced; `None`: the file does not say.
    pub(super) grade: Option<Spanned<Grade>>,
    /// The clients by name.
    pub(super) clients: Named<Client>,
}

/// A client as a scenario describes it.
#[derive(Debug)]
pub(super) struct Client {
    /// Whom it calls.
    pub(super) service: Spanned<String>,
    /// From when on; `None`: from the start.
    pub(super) from: Option<Spanned<Span>>,
    /// Until when; `None`: to the end.
    pub(super) until: Option<Span>,
    /// When it sends.
    pub(super) load: Load,
    /// Nodes whose load balancers its connections enter; `None`: the file does not say.
    pub(super) entry: Option<Spanned<Entry>>,
    /// How it waits and tries again; where it connects to is not known yet.
    pub(super) connect: Connect,
}

impl Read for Traffic {
    fn read(node: &Node, problems: &mut Problems) -> Option<Traffic> {
        let mut fields = Fields::of(node, problems)?;
        let grade = fields.read("mode");
        let clients = fields.read_with("clients", named);
        fields.finish();
        Some(Traffic { grade, clients: clients.unwrap_or_default() })
    }
}

impl Read for Grade {
    fn read(node: &Node, problems: &mut Problems) -> Option<Grade> {
        let grades = [("exact", Grade::Exact), ("aggregate", Grade::Aggregate), ("expected", Grade::Expected)];
        word(node, "mode", &grades, problems)
    }
}

/// What a grade cannot tell of images, if requests come to them: in a mean there is no single task that breaks.
pub(super) fn check_images(grade: &Spanned<Grade>, images: &IdVec<ImageId, Image>, problems: &mut Problems) {
    for Image { name, behavior } in images.values() {
        if grade.value == Grade::Expected && behavior.application.reacts_to_requests() {
            let message =
                format!("mode `expected` cannot tell what becomes of tasks of `{name}`, which react to requests");
            let why = "`backlog`, `breaks_after_requests` and `crashes_above` need mode `exact` or `aggregate`";
            problems.push(Diagnostic::new(Code::Conflict, &grade.place, message).help(why.to_owned()));
        }
        if grade.value != Grade::Exact && !behavior.application.leak.is_zero() {
            let message = format!("the `leak` of `{name}` counts in mode `exact` only");
            problems.push(Diagnostic::new(Code::NoEffect, &grade.place, message));
        }
    }
}

/// Says so if a grade does not count the requests of a client.
pub(super) fn check_client(grade: &Spanned<Grade>, client: &ClientSpec, problems: &mut Problems) {
    if grade.value != Grade::Exact && !client.is_told_in_bulk() {
        let message = format!("the requests of `{}` are counted in mode `exact` only", client.name);
        let why = "what a closed loop, an address that is kept or an external load balancer does next hangs on single answers";
        problems.push(Diagnostic::new(Code::NoEffect, &grade.place, message).help(why.to_owned()));
    }
}

impl Read for Client {
    fn read(node: &Node, problems: &mut Problems) -> Option<Client> {
        let mut fields = Fields::of(node, problems)?;
        fields.exclude("rate", &["concurrency", "requests", "think", "client_time"]);
        fields.exclude("concurrency", &["arrivals"]);
        fields.exclude("rate", &["keep_alive"]);
        let service = fields.require("service");
        let from: Option<Spanned<Span>> = fields.read("from");
        let until: Option<Spanned<Span>> = fields.read("until");
        let load = read_load(&mut fields, node);
        refuse_beside_balancer(&mut fields);
        let entry = fields.read("entry");
        let connect = read_connect(&mut fields);
        fields.finish();
        let start = from.as_ref().map_or(Span::ZERO, |from| from.value);
        if let Some(until) = until.as_ref().filter(|until| until.value <= start) {
            let message = "this client never sends: `until` does not lie after `from`";
            problems.push(Diagnostic::new(Code::NoEffect, &until.place, message));
        }
        Some(Client { service: service?, from, until: until.map(|until| until.value), load: load?, entry, connect })
    }
}

/// The clients of the plan, of whose commands the first for a service says how it is reached.
pub(super) fn lower_clients(
    clients: Named<Client>,
    commands: &[TimedCommand],
    names: &Names,
    problems: &mut Problems,
) -> Vec<ClientSpec> {
    let lower = |(name, client): (Spanned<String>, Option<Client>)| {
        let client = client?;
        let service = names.refer(&client.service, problems)?;
        let spec = commands.iter().find_map(|command| match &command.command {
            Command::ServiceCreate { service: created, spec } | Command::ServiceDeploy { service: created, spec }
                if *created == service =>
            {
                Some(&**spec)
            }
            _ => None,
        });
        Some(ClientSpec {
            name: name.value,
            service,
            from: Time::ZERO + client.from.map_or(Span::ZERO, |from| from.value),
            until: client.until.map_or(Time::MAX, |until| Time::ZERO + until),
            load: client.load,
            connect: reach(client.connect, client.entry.as_ref(), spec?, names, problems)?,
        })
    };
    clients.into_iter().filter_map(lower).collect()
}

/// Where a client connects to.
fn reach(
    connect: Connect,
    entry: Option<&Spanned<Entry>>,
    spec: &ServiceSpec,
    names: &Names,
    problems: &mut Problems,
) -> Option<Connect> {
    let nodes = match entry.map(|entry| &entry.value.at) {
        None => names.all_nodes().take(1).collect(),
        Some(Places::AllNodes) => names.all_nodes().collect(),
        Some(Places::Nodes(nodes)) => {
            let nodes: Option<_> = nodes.iter().map(|node| names.refer_to_node(node, problems)).collect();
            nodes?
        }
        Some(Places::Tasks) => {
            let balancer = entry.and_then(|entry| entry.value.balancer);
            return Some(Connect { access: Access::DnsRoundRobin, balancer, ..connect });
        }
    };
    let access = access(spec);
    let Some(entry) = entry else {
        let nodes = if access == Access::Direct { Vec::new() } else { nodes };
        return Some(Connect { access, nodes, ..connect });
    };
    if access == Access::Direct {
        let message = "this has no effect: the service has no port and no network";
        problems.push(Diagnostic::new(Code::NoEffect, &entry.place, message));
        return Some(Connect { access, ..connect });
    }
    let balancer = entry.value.balancer;
    if balancer.is_some() && spec.endpoint.ports.is_empty() {
        let message = "an external load balancer reaches nodes by a published port, and the service has none";
        let help = "`backends: tasks` stands for the addresses of its tasks";
        problems.push(Diagnostic::new(Code::Conflict, &entry.place, message).help(help.to_owned()));
    }
    Some(Connect { access, nodes, balancer, ..connect })
}

/// What stands between a client and a service as it is created: the routing mesh if it publishes a port there, else its network,
/// else a port of its nodes.
fn access(service: &ServiceSpec) -> Access {
    let publishes = |mode| service.endpoint.ports.iter().any(|port| port.mode == mode);
    match service.endpoint.mode {
        _ if publishes(PublishMode::Ingress) => Access::Vip,
        EndpointMode::Vip if !service.task.networks.is_empty() => Access::Vip,
        EndpointMode::DnsRoundRobin if !service.task.networks.is_empty() => Access::DnsRoundRobin,
        _ if publishes(PublishMode::Host) => Access::HostPort,
        _ => Access::Direct,
    }
}

/// Reports keys that say how a client keeps or chooses its connections, if a proxy does that for it.
fn refuse_beside_balancer(fields: &mut Fields<'_, '_>) {
    if !matches!(fields.node("entry").map(|entry| &entry.value), Some(Value::Map(_))) {
        return;
    }
    for key in ["choice", "keep_alive", "dns_cache"] {
        if let Some(entry) = fields.entry(key) {
            let message = format!("`{key}` cannot stand beside an external load balancer");
            fields.problems.push(Diagnostic::new(Code::Conflict, &entry.key.place, message));
        }
    }
}

/// How a client waits and tries again.
fn read_connect(fields: &mut Fields<'_, '_>) -> Connect {
    let choices = [("round-robin", Choice::RoundRobin), ("random", Choice::Random)];
    Connect {
        choice: fields
            .read_with("choice", |node, problems| word(node, "choice", &choices, problems))
            .unwrap_or_default(),
        connect_timeout: fields.read("connect_timeout"),
        request_timeout: fields.read("request_timeout"),
        retries: fields.read("retries").unwrap_or_default(),
        backoff: fields.read("backoff").unwrap_or(BACKOFF),
        keep_alive: fields.read("keep_alive").unwrap_or_default(),
        dns_cache: fields.read("dns_cache").unwrap_or_default(),
        ..Connect::default()
    }
}

/// Open loop by `rate` (arrivals at random if `arrivals` does not say `constant`), or closed loop by `concurrency`.
fn read_load(fields: &mut Fields<'_, '_>, node: &Node) -> Option<Load> {
    let poisson = fields.read_with("arrivals", |node, problems| {
        word(node, "arrivals", &[("poisson", true), ("constant", false)], problems)
    });
    let requests = fields.read_with("requests", |node, problems| match u64::read(node, problems)? {
        0 => refuse(Code::OutOfRange, &node.place, "`requests` is at least 1", problems),
        requests => Some(requests),
    });
    let think = fields.read("think").unwrap_or_default();
    let client_time = fields.read("client_time").unwrap_or_default();
    let rate = fields.node("rate");
    let Some(concurrency) = fields.node("concurrency") else {
        let Some(rate) = rate else {
            return refuse(Code::MissingKey, &node.place, "missing field `rate` or `concurrency`", fields.problems);
        };
        return read_rate(rate, poisson.unwrap_or(true), fields.problems);
    };
    match u32::read(concurrency, fields.problems)? {
        0 => refuse(Code::OutOfRange, &concurrency.place, "`concurrency` is at least 1", fields.problems),
        users if users > MOST_USERS => {
            let message = format!("`concurrency` is at most {MOST_USERS}");
            refuse(Code::OutOfRange, &concurrency.place, message, fields.problems)
        }
        concurrency => Some(Load::Closed { concurrency, requests, think, client_time }),
    }
}
