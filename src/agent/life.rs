//! What a container is going to do: its times and its fate, drawn when the agent gets the task.

use super::Ending;
use crate::kernel::{Dist, Span, Stream, Streams};
use crate::model::engine::Engine;
use crate::model::health::Check;
use crate::model::image::{ImageBehavior, KILLED_CODE, Outcome, Stop};
use crate::model::service::HealthCheck;
use crate::model::{ImageId, NodeId};

/// What an agent is told of a task when it gets it.
#[derive(Clone, Copy, Debug)]
pub struct TaskSetup<'a> {
    /// Node of the agent.
    pub node: NodeId,
    /// Image of the container.
    pub image: ImageId,
    /// How many tasks of the image were created before this one: chance is drawn by it.
    pub ordinal: u32,
    /// Time between the stop signal and SIGKILL, in whole seconds.
    pub grace_period: Span,
    /// Whether the task is attached to a network other than the node's own bridge (data-plane rule 31).
    pub has_service_binding: bool,
    /// Health check of the service.
    pub healthcheck: Option<&'a HealthCheck>,
}

/// Times and fate of one container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    /// PREPARING to READY, once the image is there.
    pub(super) prepare: Span,
    /// STARTING to the process being up.
    pub(super) start: Span,
    /// Process up to its listening.
    pub(super) boot: Span,
    /// Stop signal to the end of the process, by itself or by SIGKILL.
    pub(super) stop: Span,
    /// Exit code after the stop signal.
    pub(super) stop_code: u8,
    /// What ends it after the stop signal.
    pub(super) ending: Ending,
    /// Whether the process does nothing at the stop signal.
    pub(super) ignores_stop: bool,
    /// Duration of a probe that is answered.
    pub(super) probe: Span,
    /// What its probes are, if there are any.
    pub(super) check: Option<Check>,
    /// What becomes of it by itself.
    pub(super) fate: Fate,
}

/// What becomes of a container by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Run,
    FailPull,
    FailPrepare,
    FailStart,
    Exit { after: Span, code: u8 },
}

impl Life {
    pub(super) fn draw(setup: &TaskSetup<'_>, image: &ImageBehavior, engine: Engine, streams: &Streams) -> Life {
        let draw = |stream, dist: &Dist| match dist {
            Dist::Constant(span) => *span,
            dist => dist.sample(streams.keyed(stream, setup.image.0, setup.ordinal)),
        };
        let special = image.tasks.get(&setup.ordinal);
        let is_struck = || {
            let drawn = || share(streams.keyed(Stream::Fate, setup.image.0, setup.ordinal));
            image.fail_share >= 1.0 || drawn() < image.fail_share
        };
        let outcome = match special.and_then(|special| special.outcome.as_ref()) {
            _ if image.fails_on.contains(&setup.node) => &Outcome::FailStart,
            Some(outcome) => outcome,
            None if image.outcome == Outcome::Run || !is_struck() => &Outcome::Run,
            None => &image.outcome,
        };
        let fate = match outcome {
            Outcome::Run => Fate::Run,
            Outcome::FailPull => Fate::FailPull,
            Outcome::FailPrepare => Fate::FailPrepare,
            Outcome::FailStart => Fate::FailStart,
            Outcome::Exit { after, code } => Fate::Exit { after: draw(Stream::Exit, after), code: *code },
        };
        let own = |span: Option<Span>, stream, dist| span.unwrap_or_else(|| draw(stream, dist));
        let stop = match (special.and_then(|special| special.stop), &image.stop) {
            (Some(span), _) => Some(span),
            (None, Stop::After(dist)) => Some(draw(Stream::Stop, dist)),
            (None, Stop::Ignore) => None,
        };
        let ends_in_time = stop.filter(|stop| *stop <= setup.grace_period);
        Life {
            prepare: own(special.and_then(|special| special.prepare), Stream::Prepare, &image.prepare),
            start: own(special.and_then(|special| special.start), Stream::Start, &image.start),
            boot: own(special.and_then(|special| special.boot), Stream::Boot, &image.boot),
            stop: ends_in_time.unwrap_or(setup.grace_period),
            stop_code: if ends_in_time.is_some() { image.stop_code } else { KILLED_CODE },
            ending: if ends_in_time.is_some() { Ending::Stopped } else { Ending::Killed },
            ignores_stop: stop.is_none(),
            probe: image.probe,
            check: Check::resolve(setup.healthcheck, image.healthcheck.as_ref(), engine),
            fate,
        }
    }
}

/// The uniform number as a share from 0 up to, not including, 1.
fn share(u: u64) -> f64 {
    (u >> 11) as f64 / (1u64 << 53) as f64
}
