//! `healthcheck` of a service.

use crate::diag::{Code, Diagnostic};
use crate::kernel::Span;
use crate::model::service::HealthCheck;

use super::read::{Fields, Problems, Read, wrong_type};
use super::source::{Node, Value};

/// Shortest duration of a health check that is not 0, which stands for the image's.
///
/// Source: manager/controlapi/service.go `validateHealthCheck`.
const SHORTEST: Span = Span::from_millis(1);

/// Reads a `healthcheck`. `disable: true` is the test `["NONE"]`; a text is a shell's command.
///
/// Source: cli: cli/compose/convert/service.go `convertHealthcheck`.
pub(super) fn read_health(node: &Node, problems: &mut Problems) -> Option<HealthCheck> {
    let mut fields = Fields::of(node, problems)?;
    let disable = fields.read("disable").unwrap_or(false);
    let mut test = fields.read_with("test", read_test).unwrap_or_default();
    if disable {
        if !test.is_empty() {
            let message = "test and disable can't be set at the same time";
            fields.problems.push(Diagnostic::new(Code::Conflict, &node.place, message));
        }
        test = vec!["NONE".to_owned()];
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
    Some(health)
}

fn read_test(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    match &node.value {
        Value::String(command) => Some(vec!["CMD-SHELL".to_owned(), command.clone()]),
        Value::Seq(_) => Vec::read(node, problems),
        _ => wrong_type(node, "a string or a list of strings", problems),
    }
}

/// A duration; 0 is `None`.
fn read_span(node: &Node, problems: &mut Problems) -> Option<Option<Span>> {
    let span = Span::read(node, problems)?;
    if !span.is_zero() && span < SHORTEST {
        let message = "a duration of a health check cannot be less than 1ms";
        problems.push(Diagnostic::new(Code::OutOfRange, &node.place, message));
    }
    Some(Some(span).filter(|span| !span.is_zero()))
}
