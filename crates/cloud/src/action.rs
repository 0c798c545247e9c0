//! The calls that are made to AWS, by the names AWS gives them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $service:literal,)+) => {
        /// A call of the AWS API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)+
        }

        impl Action {
            /// All of them, in order.
            pub const ALL: &[Action] = &[$(Action::$name,)+];

            /// AWS's name for it: `CreateFleet`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Action::$name => stringify!($name),)+
                }
            }

            /// The service that offers it: `ec2`, `ssm`, `iam`, `sqs` or `arc-zonal-shift`.
            pub const fn service(self) -> &'static str {
                match self {
                    $(Action::$name => $service,)+
                }
            }
        }
    };
}

actions! {
    /// Launches instances out of many offerings.
    CreateFleet = "ec2",
    /// Makes a launch template.
    CreateLaunchTemplate = "ec2",
    /// Lists launch templates.
    DescribeLaunchTemplates = "ec2",
    /// Deletes a launch template.
    DeleteLaunchTemplate = "ec2",
    /// Lists instances.
    DescribeInstances = "ec2",
    /// Lists status checks and scheduled events of instances.
    DescribeInstanceStatus = "ec2",
    /// Ends instances.
    TerminateInstances = "ec2",
    /// Sets tags.
    CreateTags = "ec2",
    /// Lists machine images.
    DescribeImages = "ec2",
    /// Lists subnets.
    DescribeSubnets = "ec2",
    /// Lists security groups.
    DescribeSecurityGroups = "ec2",
    /// Lists capacity reservations.
    DescribeCapacityReservations = "ec2",
    /// Lists placement groups.
    DescribePlacementGroups = "ec2",
    /// Lists which types are sold in which zone.
    DescribeInstanceTypeOfferings = "ec2",
    /// Lists spot prices.
    DescribeSpotPriceHistory = "ec2",
    /// Reads a public parameter, such as the newest image of a family.
    GetParameter = "ssm",
    /// Makes an instance profile.
    CreateInstanceProfile = "iam",
    /// Reads an instance profile.
    GetInstanceProfile = "iam",
    /// Lists instance profiles.
    ListInstanceProfiles = "iam",
    /// Deletes an instance profile.
    DeleteInstanceProfile = "iam",
    /// Takes messages from the interruption queue.
    ReceiveMessage = "sqs",
    /// Removes a message from the interruption queue.
    DeleteMessage = "sqs",
    /// Reads which zones the cluster is shifted away from.
    GetManagedResource = "arc-zonal-shift",
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A text that names no action.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown action {text:?}: expected a name such as CreateFleet or DescribeInstances")]
pub struct ActionError {
    /// The offending text, cut to 40 characters.
    pub text: String,
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Action, ActionError> {
        let found = Action::ALL.iter().find(|action| action.as_str() == text);
        found.copied().ok_or_else(|| ActionError { text: text.chars().take(40).collect() })
    }
}
