//! The command line: a thin skin over the library. Only here is the terminal touched.

mod check;
mod compare;
mod explain;
mod explain_code;
mod import;
mod init;
mod input;
mod plot;
mod progress;
mod report;
mod run;
mod schema;
mod sweep;
mod terminal;
mod test;
mod views;
mod watch;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use terminal::{Color, Terminal};

/// Simulates rollouts of Docker Swarm services: runs Swarm's own update and rollback algorithm on a scenario file and tells
/// what it does to the people who use the service.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 an expectation failed (test), 2 wrong usage or invalid scenario, 3 input or output \
failed. With --outcome-exit-code: 10 paused, 11 rolled back, 12 rollback paused, 13 unfinished.";

#[derive(Debug, Args)]
struct Global {
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,
    /// Print results only: no warnings, no notes, no progress; of docker's tables, the ids.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario: the operator's story, a table of metrics, and a report.
    Run(run::Options),
    /// Write a scenario around a stack file, with every assumption spelled out.
    Init(init::Options),
    /// Check scenarios without running them.
    Check(check::Options),
    /// Run scenarios and hold them against what they expect.
    Test(test::Options),
    /// Run a scenario under several policies that meet the same chance.
    Compare(compare::Options),
    /// Run a scenario over a grid of settings.
    Sweep(sweep::Options),
    /// Draw the charts of a report again from its files, without a new run.
    Plot(plot::Options),
    /// Tell why a run went as it did: every decision with what led to it; or why nothing was rolled back.
    Explain(explain::Options),
    /// List tasks at an instant, as docker service ps does.
    Ps(views::Ps),
    /// Show services in detail at an instant, as docker service inspect does.
    Inspect(views::Inspect),
    /// List services at an instant.
    #[command(subcommand)]
    Service(views::Service),
    /// List nodes at an instant.
    #[command(subcommand)]
    Node(views::Node),
    /// List stacks at an instant, and what is theirs.
    #[command(subcommand)]
    Stack(views::Stack),
    /// Tell what the code of an error, a warning or a lint means, and what to do.
    ExplainCode(explain_code::Options),
    /// Make a scenario of what docker prints of a cluster.
    Import(import::Options),
    /// Print the JSON Schema of scenarios, for editors, or of summary.json.
    Schema(schema::Options),
}

/// How a command ends when nothing went wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// `test`: an expectation failed.
    ExpectationFailed,
    /// `run --outcome-exit-code`: the last update's outcome.
    Update(u8),
}

/// Why a command could not do its work. What is to be said has not been said yet.
#[derive(Debug)]
enum Failure {
    /// The command line or the input is wrong; the text is complete.
    Input(String),
    /// Reading or writing failed.
    Io(String),
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(cli.global.color, cli.global.quiet);
    let result = match &cli.command {
        Command::Run(options) => run::run(options, &terminal),
        Command::Init(options) => init::init(options, &terminal),
        Command::Check(options) => check::check(options, &terminal),
        Command::Test(options) => test::test(options, &terminal),
        Command::Compare(options) => compare::compare(options, &terminal),
        Command::Sweep(options) => sweep::sweep(options, &terminal),
        Command::Plot(options) => plot::plot(options, &terminal),
        Command::Explain(options) => explain::explain(options, &terminal),
        Command::Ps(options) => views::ps(options, &terminal),
        Command::Inspect(options) => views::inspect(options, &terminal),
        Command::Service(command) => views::service(command, &terminal),
        Command::Node(command) => views::node(command, &terminal),
        Command::Stack(command) => views::stack(command, &terminal),
        Command::ExplainCode(options) => explain_code::explain_code(options, &terminal),
        Command::Import(options) => import::run(options, &terminal),
        Command::Schema(options) => schema::schema(options, &terminal),
    };
    ExitCode::from(match result {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::ExpectationFailed) => 1,
        Ok(Outcome::Update(code)) => code,
        Err(Failure::Input(text)) => {
            terminal.error(&text);
            2
        }
        Err(Failure::Io(text)) => {
            terminal.error(&text);
            3
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
