//! Why a patch was refused.

/// Why a patch was refused. The text of the variants is what the Kubernetes API says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch is no patch of its kind: status 400, reason `BadRequest`.
    #[error("{0}")]
    Malformed(String),
    /// The patch does not apply to this object: status 422, reason `Invalid`.
    #[error("{0}")]
    DoesNotApply(String),
    /// The patch contradicts itself or the object in a way that the Kubernetes API calls an internal error: status 500, reason `InternalError`.
    #[error("{0}")]
    Internal(String),
    /// The patch has more operations than allowed: status 413, reason `RequestEntityTooLarge`.
    #[error("The allowed maximum operations in a JSON patch is {limit}, got {found}")]
    TooManyOperations {
        /// How many are allowed.
        limit: usize,
        /// How many there were.
        found: usize,
    },
}
