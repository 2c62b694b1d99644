//! `traffic`: who sends requests.

use crate::diag::{Code, Diagnostic};
use crate::kernel::{Dist, Span};
use crate::model::client::Load;

use super::read::{Fields, Named, Problems, Read, accept_only, named, refuse, word};
use super::source::{Node, Spanned};
use super::units::Rate;

/// Most users of a closed loop: each takes memory, and a million of them are a load test of their own.
const MOST_USERS: u32 = 1_000_000;

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
}

/// `traffic`: its `clients` by name.
pub(super) fn read_traffic(node: &Node, problems: &mut Problems) -> Option<Named<Client>> {
    let mut fields = Fields::of(node, problems)?;
    fields.read_with("mode", |node, problems| {
        let simulated = word(node, "mode", &[("exact", true), ("aggregate", false), ("expected", false)], problems)?;
        if !simulated {
            accept_only("traffic.mode", &node.place, problems);
        }
        Some(())
    });
    let clients = fields.read_with("clients", named);
    fields.finish();
    Some(clients.unwrap_or_default())
}

impl Read for Client {
    fn read(node: &Node, problems: &mut Problems) -> Option<Client> {
        let mut fields = Fields::of(node, problems)?;
        fields.exclude("rate", &["concurrency", "requests", "think", "client_time"]);
        fields.exclude("concurrency", &["arrivals"]);
        let service = fields.require("service");
        let from: Option<Spanned<Span>> = fields.read("from");
        let until: Option<Spanned<Span>> = fields.read("until");
        let load = read_load(&mut fields, node);
        fields.finish();
        let start = from.as_ref().map_or(Span::ZERO, |from| from.value);
        if let Some(until) = until.as_ref().filter(|until| until.value <= start) {
            let message = "this client never sends: `until` does not lie after `from`";
            problems.push(Diagnostic::new(Code::NoEffect, &until.place, message));
        }
        Some(Client { service: service?, from, until: until.map(|until| until.value), load: load? })
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
        let Rate { gap } = Rate::read(rate, fields.problems)?;
        let gap = if poisson.unwrap_or(true) { Dist::Exponential { mean: gap } } else { Dist::Constant(gap) };
        return Some(Load::Open { gap });
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
