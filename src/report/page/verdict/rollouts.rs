//! What became of the updates of a service, over all of them, and what was rolled back.

use super::super::super::names;
use super::fate::{Fate, History, Rollout};
use super::{Answer, Tone, grouped, length, moment};
use crate::kernel::Span;
use crate::metrics::summary::{ServiceSummary, Update, UpdateKind, UpdateOutcome};

/// How many of the updates that did not go well are told of one by one.
const MOST: usize = 2;

/// What became of the updates; `None`: there was none.
pub(super) fn sentence(history: &History<'_>) -> Option<String> {
    let last = history.rollouts.last()?;
    let is_trouble = |rollout: &Rollout<'_>| rollout.is_bad() || rollout.ended_later();
    let trouble: Vec<&Rollout<'_>> = history.rollouts.iter().filter(|rollout| is_trouble(rollout)).collect();
    if trouble.is_empty() {
        let all_completed = history
            .rollouts
            .iter()
            .all(|rollout| rollout.update.outcome == UpdateOutcome::Completed && is_update(rollout));
        return Some(match history.rollouts.len() {
            2 if all_completed => "both updates completed".to_owned(),
            count @ 3.. if all_completed => format!("all {count} updates completed"),
            _ => tell(&[last]),
        });
    }
    let alike = |one: &&Rollout<'_>, other: &&Rollout<'_>| {
        let later = one.ended_later() == other.ended_later();
        let [one, other] = [one.update, other.update];
        later && (one.kind, one.outcome, &one.to) == (other.kind, other.outcome, &other.to)
    };
    let groups: Vec<&[&Rollout<'_>]> = trouble.chunk_by(alike).collect();
    let mut sentences: Vec<String> = groups.iter().take(MOST).map(|group| tell(group)).collect();
    match groups.iter().skip(MOST).map(|group| group.len()).sum() {
        0 => {}
        1 => sentences.push("and 1 more update went badly".to_owned()),
        more => sentences.push(format!("and {} more updates went badly", grouped(more as u64))),
    }
    if !is_trouble(last) {
        sentences.push(format!("then {}", tell(&[last])));
    }
    Some(sentences.join("; "))
}

/// What became of a bad update, in very few words.
pub(super) fn in_short(rollout: &Rollout<'_>) -> &'static str {
    match rollout.update.outcome {
        UpdateOutcome::RollbackCompleted if is_update(rollout) => "its update was rolled back",
        UpdateOutcome::RollbackPaused => "its rollback paused",
        UpdateOutcome::Paused => "its update paused",
        UpdateOutcome::Superseded => "its update was replaced",
        UpdateOutcome::Unfinished if rollout.removed.is_some() => "it was removed during its update",
        UpdateOutcome::Unfinished => "its update was left unfinished",
        UpdateOutcome::Completed | UpdateOutcome::RollbackCompleted => "its update went badly",
    }
}

fn is_update(rollout: &Rollout<'_>) -> bool {
    rollout.update.kind == UpdateKind::Update
}

/// What befell tasks of updates that went alike, and what came of it.
fn tell(group: &[&Rollout<'_>]) -> String {
    let rollout = group[0];
    let Update { kind, outcome, to, .. } = rollout.update;
    let suffix = |word: &str| match (group.len(), rollout.update.duration()) {
        (1, Some(span)) => format!(" {word} {}", length(span)),
        (1, None) => String::new(),
        (2, _) => " twice".to_owned(),
        (count, _) => format!(" {count} times"),
    };
    let (after, image) = (suffix("after"), names::of_image_in_short(to));
    let fate = group.iter().fold(Fate::default(), |sum, rollout| sum.with(rollout.fate));
    let (words, later) = match (rollout.ended_later(), group.len()) {
        (true, _) => (None, fate.words(image)),
        (false, 1) => (rollout.words(), None),
        (false, _) => (fate.words(image), None),
    };
    let later = later.map_or_else(String::new, |words| format!("; after that {words}"));
    let target = match (kind, is_same_image(rollout.update)) {
        (UpdateKind::Update, true) => format!("of {image}"),
        (UpdateKind::Rollback, true) => "to the specification before".to_owned(),
        (_, false) => format!("to {image}"),
    };
    let aim = format!("{} {target}", kind.name());
    let left = rollout.removed.map_or_else(
        || "left unfinished".to_owned(),
        |at| format!("ended by the removal of the service at {}", moment(at)),
    );
    match (words, outcome, kind) {
        (Some(words), UpdateOutcome::RollbackCompleted, UpdateKind::Update) => format!("{words}; rolled back{after}"),
        (Some(words), UpdateOutcome::RollbackPaused, _) => format!("{words}; the rollback paused{after}"),
        (Some(words), UpdateOutcome::Paused, _) => format!("{words}; the update paused{after}"),
        (Some(words), UpdateOutcome::Superseded, _) => format!("{words}; changed by the operator{after}"),
        (Some(words), UpdateOutcome::Unfinished, _) => format!("{words}; {left}"),
        (Some(words), _, _) => format!("{words}, yet the {kind} completed{after}", kind = kind.name()),
        (None, UpdateOutcome::RollbackCompleted, UpdateKind::Update) => format!("the {aim} was rolled back{after}"),
        (None, UpdateOutcome::RollbackPaused, UpdateKind::Update) => format!("the rollback of the {aim} paused{after}"),
        (None, UpdateOutcome::RollbackPaused | UpdateOutcome::Paused, _) => format!("the {aim} paused{after}"),
        (None, UpdateOutcome::Superseded, _) => {
            format!("the {aim} was changed by the operator{after}")
        }
        (None, UpdateOutcome::Unfinished, _) => format!("the {aim} was {left}"),
        (None, UpdateOutcome::Completed, UpdateKind::Update) => {
            let anew = if is_same_image(rollout.update) { " anew" } else { "" };
            format!("{image} was rolled out{anew}{}{later}", suffix("in"))
        }
        (None, UpdateOutcome::Completed | UpdateOutcome::RollbackCompleted, UpdateKind::Rollback) => {
            format!("rolled back {target} by the operator{}{later}", suffix("in"))
        }
    }
}

/// The answer to: what was rolled back?
pub(super) fn rolled_back(service: &ServiceSummary, history: &History<'_>) -> Answer {
    let is_rollback = |rollout: &&Rollout<'_>| {
        !is_update(rollout)
            || matches!(rollout.update.outcome, UpdateOutcome::RollbackCompleted | UpdateOutcome::RollbackPaused)
    };
    let rollbacks: Vec<&Rollout<'_>> = history.rollouts.iter().filter(is_rollback).collect();
    let (answer, detail, tone) = match rollbacks[..] {
        [] => nothing(service, history),
        [one] => {
            let tone = if one.update.outcome == UpdateOutcome::RollbackPaused { Tone::Bad } else { Tone::Plain };
            (undone(one), how(one), tone)
        }
        _ => {
            let mut ways: Vec<String> = rollbacks.iter().map(|rollout| undone(rollout)).collect();
            ways.dedup();
            let by_swarm = rollbacks.iter().filter(|rollout| is_update(rollout)).count();
            let detail = match (by_swarm, rollbacks.len() - by_swarm) {
                (swarm, 0) => format!("{swarm} times by Swarm"),
                (0, operator) => format!("{operator} times by the operator"),
                (1, 1) => "once by Swarm, once by the operator".to_owned(),
                (swarm, operator) => format!("by Swarm ({swarm}) and by the operator ({operator})"),
            };
            (ways.join(", "), detail, Tone::Plain)
        }
    };
    Answer { question: "What was rolled back?".to_owned(), answer, detail, tone }
}

/// Why nothing was rolled back, as far as the status says it.
fn nothing(service: &ServiceSummary, history: &History<'_>) -> (String, String, Tone) {
    let paused = history.bad().find(|rollout| rollout.update.outcome == UpdateOutcome::Paused);
    let (detail, tone) = match (paused, history.rollouts.last()) {
        (_, Some(last)) if last.update.outcome == UpdateOutcome::Paused => {
            ("the update paused: what is new stays".to_owned(), Tone::Bad)
        }
        (Some(paused), Some(last)) if !last.is_bad() && last.update.outcome == UpdateOutcome::Completed => {
            let image = names::of_image_in_short(&last.update.to);
            let how = if last.update.to == paused.update.to { "was completed later" } else { "came in its place" };
            (format!("{image} {how}"), Tone::Plain)
        }
        _ => (status(service), Tone::Plain),
    };
    ("Nothing".to_owned(), detail, tone)
}

/// The update status at the end.
pub(super) fn status(service: &ServiceSummary) -> String {
    service
        .final_update_status
        .map_or_else(|| "no update status".to_owned(), |state| format!("update status at the end: {}", state.name()))
}

/// What a rollback undid: from one image to another.
fn undone(rollout: &Rollout<'_>) -> String {
    let Update { from, to, outcome, .. } = rollout.update;
    let way = match (is_same_image(rollout.update), is_update(rollout)) {
        (true, _) => "The specification".to_owned(),
        (_, true) => way(to, from),
        (_, false) => way(from, to),
    };
    if *outcome == UpdateOutcome::RollbackPaused { format!("{way}, in part") } else { way }
}

/// Who rolled back, and how that ended.
fn how(rollout: &Rollout<'_>) -> String {
    let Update { to, outcome, restore, .. } = rollout.update;
    let by_whom = if is_update(rollout) { "" } else { "by the operator; " };
    let ended = match (outcome, restore) {
        (UpdateOutcome::RollbackPaused, _) => "the rollback paused".to_owned(),
        (UpdateOutcome::Unfinished, _) => "left unfinished".to_owned(),
        (UpdateOutcome::Superseded, _) => "until another specification came".to_owned(),
        _ if is_same_image(rollout.update) => format!("the image stays {}", names::of_image_in_short(to)),
        _ if !is_update(rollout) => return "by the operator".to_owned(),
        (_, Some(span)) if *span == Span::ZERO => "all replicas were of one version already".to_owned(),
        (_, Some(span)) => format!("all replicas of one version again after {}", length(*span)),
        (_, None) => "not restored by the end of the run".to_owned(),
    };
    by_whom.to_owned() + &ended
}

fn is_same_image(update: &Update) -> bool {
    update.from == update.to
}

/// From one image to another; of the second only the tag, if the rest is the same: `web:2 → 1`.
fn way(from: &str, to: &str) -> String {
    let [from, to] = [from, to].map(names::of_image_in_short);
    match (from.split_once(':'), to.split_once(':')) {
        (Some((name, _)), Some((other, tag))) if name == other => format!("{from} → {tag}"),
        _ => format!("{from} → {to}"),
    }
}
