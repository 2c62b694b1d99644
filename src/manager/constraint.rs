//! Placement constraints: `node.labels.zone==a`.
//!
//! Source: manager/constraint/constraint.go (control-plane S8).

use super::store::Node;
use crate::model::node::Role;

/// A parsed constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    key: String,
    equal: bool,
    value: String,
}

/// A constraint that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("constraint expected one operator from ==, !=")]
pub struct ConstraintError;

/// Reads constraints.
///
/// # Errors
/// If one has no operator, as Docker words it.
pub fn parse(expressions: &[String]) -> Result<Vec<Constraint>, ConstraintError> {
    expressions.iter().map(|expression| parse_one(expression)).collect()
}

fn parse_one(expression: &str) -> Result<Constraint, ConstraintError> {
    let (key, equal, value) = if let Some((key, value)) = expression.split_once("==") {
        (key, true, value)
    } else if let Some((key, value)) = expression.split_once("!=") {
        (key, false, value)
    } else {
        return Err(ConstraintError);
    };
    Ok(Constraint { key: key.trim().to_owned(), equal, value: value.trim().to_owned() })
}

/// Whether the node meets all constraints. A key that the simulator does not know never matches; a missing label is empty.
pub fn node_matches(constraints: &[Constraint], node: &Node) -> bool {
    constraints.iter().all(|constraint| matches(constraint, node))
}

fn matches(constraint: &Constraint, node: &Node) -> bool {
    const LABELS: &str = "node.labels.";
    let key = &constraint.key;
    let actual = if key.eq_ignore_ascii_case("node.role") {
        match node.spec.role {
            Role::Manager => "manager",
            Role::Worker => "worker",
        }
    } else if key.eq_ignore_ascii_case("node.hostname") {
        node.name.as_str()
    } else if key.get(..LABELS.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(LABELS)) {
        node.spec.labels.get(&key[LABELS.len()..]).map_or("", String::as_str)
    } else {
        return false;
    };
    actual.eq_ignore_ascii_case(&constraint.value) == constraint.equal
}
