//! Placement constraints: `node.labels.zone==a`.
//!
//! Source: manager/constraint/constraint.go (control-plane S8).

use super::store::Node;
use crate::model::node::Role;
use crate::model::service::Placement;

/// A parsed constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    key: String,
    equal: bool,
    value: String,
}

/// A constraint that cannot be read, as Docker words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// Neither `==` nor `!=`.
    #[error("constraint expected one operator from ==, !=")]
    NoOperator,
    /// A key of other characters than letters, digits, `-`, `_` and `.`, or shorter than two.
    #[error("key '{0}' is invalid")]
    Key(String),
    /// An empty value, or one of characters that might become operators.
    #[error("value '{0}' is invalid")]
    Value(String),
}

/// Reads constraints.
///
/// # Errors
/// What is wrong with the first one that cannot be read.
pub fn parse(expressions: &[String]) -> Result<Vec<Constraint>, ConstraintError> {
    expressions.iter().map(|expression| parse_one(expression)).collect()
}

/// The constraints of a placement; a list that cannot be read counts as empty.
pub fn of_placement(placement: &Placement) -> Vec<Constraint> {
    parse(&placement.constraints).unwrap_or_default()
}

fn parse_one(expression: &str) -> Result<Constraint, ConstraintError> {
    let (key, equal, value) = if let Some((key, value)) = expression.split_once("==") {
        (key.trim(), true, value.trim())
    } else if let Some((key, value)) = expression.split_once("!=") {
        (key.trim(), false, value.trim())
    } else {
        return Err(ConstraintError::NoOperator);
    };
    let starts_well = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || key.len() < 2 || !key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err(ConstraintError::Key(key.to_owned()));
    }
    let is_in_value = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || r":-_.*()?+[]\^$|/".contains(c);
    if value.is_empty() || !value.chars().all(is_in_value) {
        return Err(ConstraintError::Value(value.to_owned()));
    }
    Ok(Constraint { key: key.to_owned(), equal, value: value.to_owned() })
}

/// Whether the node meets all constraints.
pub fn node_matches(constraints: &[Constraint], node: &Node) -> bool {
    constraints.iter().all(|constraint| matches(constraint, node))
}

/// A property that nodes do not have here (id, platform, labels of the engine) or that this node lacks is empty; an unknown
/// key never matches.
fn matches(constraint: &Constraint, node: &Node) -> bool {
    let key = constraint.key.as_str();
    let actual = if key.eq_ignore_ascii_case("node.role") {
        match node.role {
            Role::Manager => "manager",
            Role::Worker => "worker",
        }
    } else if key.eq_ignore_ascii_case("node.hostname") {
        node.name.as_str()
    } else if let Some(label) = node_label(key) {
        node.spec.labels.get(label).map_or("", String::as_str)
    } else if ["node.id", "node.platform.os", "node.platform.arch"].iter().any(|known| key.eq_ignore_ascii_case(known))
        || after_prefix(key, "engine.labels.").is_some()
    {
        ""
    } else {
        return false;
    };
    actual.eq_ignore_ascii_case(&constraint.value) == constraint.equal
}

/// The label in `node.labels.LABEL`.
pub fn node_label(key: &str) -> Option<&str> {
    after_prefix(key, "node.labels.")
}

/// What follows the prefix, which may be written in any case, if something does.
fn after_prefix<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = key.split_at_checked(prefix.len())?;
    (start.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::node::NodeSpec;

    fn matches_all(constraints: &[&str]) -> bool {
        let labels = [("zone".to_owned(), "a".to_owned())].into();
        let node = Node::new("n1".to_owned(), NodeSpec { labels, ..NodeSpec::default() });
        let constraints: Vec<String> = constraints.iter().map(|text| (*text).to_owned()).collect();
        node_matches(&parse(&constraints).expect("constraints can be read"), &node)
    }

    #[test]
    fn all_must_hold_and_values_compare_without_case() {
        assert!(matches_all(&["node.labels.zone == A", "NODE.HOSTNAME!=n2", "node.role==worker"]));
        assert!(!matches_all(&["node.labels.zone==a", "node.hostname!=N1"]));
    }

    #[test]
    fn a_missing_label_is_empty_and_an_unknown_key_never_matches() {
        assert!(matches_all(&["node.labels.Zone!=a", "engine.labels.zone!=a"]));
        assert!(!matches_all(&["node.colour!=red"]));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let error = |text: &str| parse(&[text.to_owned()]).expect_err("it cannot be read").to_string();
        assert_eq!(error("node.role"), "constraint expected one operator from ==, !=");
        assert_eq!(error("node role==a"), "key 'node role' is invalid");
        assert_eq!(error("node.role=="), "value '' is invalid");
    }
}
