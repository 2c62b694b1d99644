//! `healthcheck` of a service.

use crate::diag::{Code, Diagnostic};
use crate::kernel::Span;
use crate::model::service::HealthCheck;

use super::canonical::words_of_test;
use super::read::{Fields, Problems, Read};
use super::source::Node;

/// Reads a `healthcheck`. `disable: true` is the test `["NONE"]`.
///
/// Source: cli: cli/compose/convert/service.go `convertHealthcheck`.
pub(super) fn read_health(node: &Node, problems: &mut Problems) -> Option<HealthCheck> {
    let mut fields = Fields::of(node, problems)?;
    let disable = fields.read("disable").unwrap_or(false);
    let test = fields.read_with("test", |node, problems| Vec::<String>::read(&words_of_test(node), problems));
    let test = test.unwrap_or_default();
    if disable && !test.is_empty() {
        let message = "test and disable can't be set at the same time";
        fields.problems.push(Diagnostic::new(Code::Conflict, &node.place, message));
    }
    let health = HealthCheck {
        test,
        interval: fields.read_with("interval", read_span).flatten(),
        timeout: fields.read_with("timeout", read_span).flatten(),
        start_period: fields.read_with("start_period", read_span).flatten(),
        start_interval: fields.read_with("start_interval", read_span).flatten(),
        retries: fields.read("retries").filter(|retries| *retries > 0),
    };
    fields.finish();
    // Without checks nothing else about them counts.
    Some(if disable { HealthCheck { test: vec!["NONE".to_owned()], ..HealthCheck::default() } } else { health })
}

/// A duration; 0 is `None`.
fn read_span(node: &Node, problems: &mut Problems) -> Option<Option<Span>> {
    Span::read(node, problems).map(|span| Some(span).filter(|span| !span.is_zero()))
}
