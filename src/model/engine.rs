//! Releases of Docker Engine that behave differently.

/// Which Docker Engine the nodes run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// `"29.7"`: the one that all rules describe.
    #[default]
    Current,
    /// `"20.10"`: health checks have no start interval of their own, and an image that is nowhere is reported by the creation of
    /// the container (data-plane rules 13, 49).
    V20_10,
}
