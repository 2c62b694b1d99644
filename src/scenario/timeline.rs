//! The timeline: commands and faults, as the plan has them.

use std::ops::Range;

use crate::diag::{Code, Diagnostic, Place};
use crate::model::command::Command;
use crate::sim::plan::TimedCommand;

use super::docker;
use super::fault::read_fault;
use super::lower::Names;
use super::overlay::Overlaid;
use super::read::Problems;
use super::schema::{Act, Event};
use super::source::Spanned;
use super::stacks::Stacks;

/// The commands of the timeline in the order of their instants, and where each stands.
pub(super) fn read(
    mut timeline: Vec<Event>,
    overlaid: &Overlaid,
    stacks: &Stacks<'_>,
    names: &mut Names,
    problems: &mut Problems,
) -> (Vec<TimedCommand>, Vec<Place>) {
    timeline.sort_by_key(|event| event.at.as_ref().map(|at| at.value));
    let (mut timed, mut places) = (Vec::new(), Vec::new());
    for Event { at, act } in timeline {
        if problems.is_full() {
            break;
        }
        let run = match act {
            Act::Run(run) => run,
            Act::Fault(text) => {
                let fault = read_fault(&text, |name, problems| names.refer_to_node(name, problems), problems);
                if let Some((fault, at)) = fault.zip(at) {
                    timed.push(TimedCommand { at: at.value, line: text.value, command: Command::Fault(fault) });
                    places.push(text.place);
                }
                continue;
            }
        };
        let lowered = docker::parse(&run.value).and_then(|line| {
            overlaid.report_overridden(&line, &run.place, problems);
            match at {
                Some(at) => {
                    if let Some(stack) = line.stack_deploy() {
                        let commands = stacks.deploy(&stack, &run, names, problems);
                        // Without services it has nothing to say, or has said why.
                        return Ok((!commands.is_empty()).then_some((at.value, commands)));
                    }
                    let commands = line.lower(names)?;
                    if let Some(columns) = line.image_columns() {
                        names.report_forgotten_images(&within(&run, columns), problems);
                    }
                    Ok(Some((at.value, commands)))
                }
                None => {
                    names.add_unknown(&line);
                    Ok(None)
                }
            }
        });
        match lowered {
            Ok(Some((at, commands))) => {
                if commands.is_empty() {
                    let message = "this has no effect: the stack has no services";
                    problems.push(Diagnostic::new(Code::NoEffect, &run.place, message));
                }
                for command in commands {
                    names.note(&command);
                    timed.push(TimedCommand { at, line: run.value.clone(), command });
                    places.push(run.place.clone());
                }
            }
            Ok(None) => {}
            Err(error) => {
                let place = within(&run, &error.columns);
                problems.push(names.explain(error, &place));
            }
        }
    }
    (timed, places)
}

/// The place of these bytes of a line, if the line stands in the file as it is read.
pub(super) fn within(run: &Spanned<String>, columns: &Range<usize>) -> Place {
    let Place { file, span, .. } = &run.place;
    let written = &file.text[span.clone()];
    let quoted = usize::from(written.starts_with(['"', '\'']));
    let as_written = written.get(quoted..written.len() - quoted) == Some(run.value.as_str());
    if !as_written || columns.end > run.value.len() {
        return run.place.clone();
    }
    let start = span.start + quoted;
    Place { span: start + columns.start..start + columns.end, ..run.place.clone() }
}
