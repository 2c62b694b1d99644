//! Ids of what a plan and a run contain.

crate::ids! {
    /// A service of the plan. A name that is created again after its removal is another service.
    ServiceId;
    /// A node of the plan.
    NodeId;
    /// An image of the plan.
    ImageId;
    /// A client of the plan.
    ClientId;
    /// The ordinal of a task's creation in the run; never reused.
    TaskId;
    /// A way into a service: the load balancer of one node for it, as clients use it.
    EntryId;
}
