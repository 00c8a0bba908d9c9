//! What a remote parent's decision counts.

/// What the decision of a remote parent counts. Local parents are always followed, so that the part
/// of a trace that runs in one process is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemoteParents {
    /// It is followed, but for rules with
    /// [`keep_despite_parent`](crate::Rule::keep_despite_parent).
    #[default]
    ByRule,
    /// It is always followed.
    Obey,
    /// Nothing: the rules decide as for a trace that begins here, by the trace's randomness.
    Ignore,
}
