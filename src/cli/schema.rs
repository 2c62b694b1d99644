//! `rollsim schema`: the form of scenarios, for editors.

use super::{Failure, Outcome, Terminal};
use crate::scenario;

pub(super) fn schema(terminal: &Terminal) -> Result<Outcome, Failure> {
    terminal.result(&scenario::json_schema())?;
    Ok(Outcome::Done)
}
