//! `rollsim explain-code`: what a code means.

use clap::Args;

use super::{Failure, Outcome, Terminal};
use crate::diag::{self, Code};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Code of a diagnostic, such as L0004 or R0101; without one, all codes are listed.
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(super) fn explain_code(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let text = match &options.code {
        None => Code::ALL.iter().map(|code| format!("{}  {}\n", code.id(), diag::title(*code))).collect(),
        Some(id) => {
            let unknown = || format!("error: there is no code `{id}`; without one, `rollsim explain-code` lists them");
            let code = Code::from_id(id).ok_or_else(|| Failure::Input(unknown()))?;
            format!("{}: {}\n\n{}\n", code.id(), diag::title(code), diag::explain(code))
        }
    };
    terminal.result(&text)?;
    Ok(Outcome::Done)
}
