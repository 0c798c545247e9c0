//! Why nothing can be launched for a claim, before anybody is asked.

use supercargo_api::requirement::RequirementError;
use supercargo_api::resources::ResourceError;
use thiserror::Error;

use super::Funnel;

/// Why nothing can be launched for a claim.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum LaunchError {
    /// The EC2NodeClass is not ready.
    #[error("the EC2NodeClass {name} is not ready: {reason}")]
    NodeClassNotReady {
        /// Its name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A requirement of the claim does not read.
    #[error("spec.requirements: {0}")]
    Requirement(#[from] RequirementError),
    /// The requirements of a machine image do not read.
    #[error("status.amis of the EC2NodeClass: {id}: {source}")]
    Image {
        /// The image.
        id: String,
        /// What is wrong.
        source: RequirementError,
    },
    /// A request of the claim does not read.
    #[error("spec.resources.requests: {0}")]
    Requests(#[from] ResourceError),
    /// No offering is left.
    #[error("no offering is left of {} instance types: {funnel}", .funnel.types)]
    NoOfferings {
        /// What took them away.
        funnel: Funnel,
    },
    /// What is asked of the placement group is not what the EC2NodeClass has.
    #[error("{asked}: the EC2NodeClass has {found}")]
    Placement {
        /// The requirement.
        asked: String,
        /// What there is.
        found: String,
    },
    /// The types that are left do not have enough different values of a label.
    #[error("minValues of {key}: {wanted} different values are wanted, the cheapest types have {found}")]
    MinValues {
        /// The label.
        key: String,
        /// How many are wanted.
        wanted: u32,
        /// How many there are.
        found: u32,
    },
}

impl LaunchError {
    /// Whether the claim is deleted so that its pods are scheduled anew (reference row L2).
    pub fn ends_claim(&self) -> bool {
        matches!(
            self,
            LaunchError::NodeClassNotReady { .. }
                | LaunchError::NoOfferings { .. }
                | LaunchError::Placement { .. }
                | LaunchError::MinValues { .. }
        )
    }

    /// The reason in the metrics for disrupted claims and in the condition Launched.
    pub fn reason(&self) -> &'static str {
        match self {
            LaunchError::NodeClassNotReady { .. } => "nodeclass_not_ready",
            LaunchError::NoOfferings { .. }
            | LaunchError::Placement { .. }
            | LaunchError::MinValues { .. } => "insufficient_capacity",
            LaunchError::Requirement(_) | LaunchError::Image { .. } | LaunchError::Requests(_) => {
                "LaunchFailed"
            }
        }
    }
}
