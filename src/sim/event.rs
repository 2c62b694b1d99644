//! The one sum of events.

use crate::agent::Timer;
use crate::manager::Wake;

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A timer of the managers.
    Manager(Wake),
    /// The agents make the steps that take no time.
    AgentStep,
    /// A timer of an agent.
    Agent(Timer),
    /// A command of the operator: its index in the plan.
    Operator(u32),
}

const _: () = assert!(size_of::<Event>() <= 16);
