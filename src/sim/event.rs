//! The one sum of events.

use crate::agent::Timer;
use crate::manager::Wake;
use crate::model::NodeId;

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A timer of the managers.
    Manager(Wake),
    /// The agents make the steps that take no time.
    AgentStep,
    /// A timer of an agent.
    Agent(Timer),
    /// A manager becomes the leader, in a plan without managers.
    Elect,
    /// Something happens among the managers: an election, or a leader gives up.
    Raft,
    /// The agent of a node asks for a session.
    Session(NodeId),
    /// The daemon of a node that got power is up.
    Boot(NodeId),
    /// A command of the operator: its index in the plan.
    Operator(u32),
    /// Operators who wait for a leader wait no longer.
    GiveUp,
}

const _: () = assert!(size_of::<Event>() <= 16);
