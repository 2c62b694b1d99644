//! What docker's own client would print of the simulated cluster at an instant.
//!
//! [`Cluster`] follows a run and knows what the managers' store says; [`views`] makes rows of it, whose cells are data; [`ps`],
//! [`ls`], [`node_ls`] and [`inspect`] print rows as docker does, and [`progress`] what the client shows while it waits for a
//! service. Texts that differ by release stand in [`release`], and nowhere else.
//!
//! Source: docker/cli, in reference cli-and-compose section c.

mod cluster;
mod columns;
mod id;
pub mod inspect;
pub mod inspect_json;
pub mod ls;
pub mod node_ls;
pub mod progress;
pub mod ps;
pub mod release;
mod settings;
pub mod views;
pub mod watch;
mod words;

pub use cluster::Cluster;
pub use id::Ids;
pub use words::human_duration;

use serde_json::{Map, Value};

/// A row as `--format json` prints it: an object whose fields are given in the order of their names.
///
/// Source: cli: cli/command/formatter/reflect.go `MarshalJSON`, which writes `<`, `>` and `&` by their numbers.
fn json_line<const N: usize>(fields: [(&str, Value); N]) -> String {
    let fields: Map<String, Value> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let text = Value::Object(fields).to_string();
    text.replace('<', r"\u003c").replace('>', r"\u003e").replace('&', r"\u0026") + "\n"
}
