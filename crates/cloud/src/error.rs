//! What AWS answers when it does not do what it is asked.
//!
//! The code that AWS sent is kept as it is; the kind says what it means to a caller. Sources: the table of EC2 error
//! codes (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>) and reference section 5.4,
//! step 9.

use thiserror::Error;

use crate::Action;

/// An error that AWS answered with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{action}: {code}: {message}")]
pub struct CloudError {
    /// What the code means.
    pub kind: ErrorKind,
    /// AWS's code: `InsufficientInstanceCapacity`.
    pub code: String,
    /// AWS's sentence.
    pub message: String,
    /// The call.
    pub action: Action,
}

/// What an error code means to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// No capacity for an offering at the moment.
    InsufficientCapacity,
    /// A quota of the account is used up: vCPUs, spot instances or fleets.
    QuotaExceeded,
    /// The reservation has no free instances.
    ReservationExceeded,
    /// The subnet has no free addresses.
    NoFreeAddresses,
    /// The offering does not exist as asked for, for example a type that is not sold in the zone.
    Unsupported,
    /// Too many calls; the same call may be made later.
    Throttled,
    /// The caller may not do it.
    Unauthorized,
    /// The role that EC2 needs for spot instances does not exist and may not be made.
    SpotRoleMissing,
    /// The named instance, image, subnet or other thing does not exist.
    NotFound,
    /// The launch template does not exist.
    LaunchTemplateNotFound,
    /// The name is taken.
    AlreadyExists,
    /// The request makes no sense to AWS.
    Invalid,
    /// The thing is still in use.
    InUse,
    /// AWS's own fault; the same call may be made later.
    Internal,
    /// It would have been done, had it not been a rehearsal.
    DryRun,
    /// A code not known here.
    Other,
}

/// Codes that mean that one offering cannot be had now (reference section 5.4, step 9).
const UNFULFILLABLE: [&str; 8] = [
    "InsufficientInstanceCapacity",
    "MaxSpotInstanceCountExceeded",
    "VcpuLimitExceeded",
    "UnfulfillableCapacity",
    "Unsupported",
    "InsufficientFreeAddressesInSubnet",
    "MaxFleetCountExceeded",
    "ReservationCapacityExceeded",
];

impl ErrorKind {
    /// What a code means.
    pub fn of_code(code: &str) -> ErrorKind {
        match code {
            "InsufficientInstanceCapacity"
            | "UnfulfillableCapacity"
            | "InsufficientCapacity"
            | "InsufficientHostCapacity"
            | "InsufficientReservedInstanceCapacity" => ErrorKind::InsufficientCapacity,
            "MaxSpotInstanceCountExceeded"
            | "VcpuLimitExceeded"
            | "MaxFleetCountExceeded"
            | "InstanceLimitExceeded"
            | "SpotMaxPriceTooLow" => ErrorKind::QuotaExceeded,
            "ReservationCapacityExceeded" => ErrorKind::ReservationExceeded,
            "InsufficientFreeAddressesInSubnet" => ErrorKind::NoFreeAddresses,
            "Unsupported" | "UnsupportedOperation" => ErrorKind::Unsupported,
            "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "EC2ThrottledException"
            | "RequestResourceCountExceeded"
            | "BandwidthLimitExceeded" => ErrorKind::Throttled,
            "UnauthorizedOperation"
            | "AccessDenied"
            | "AccessDeniedException"
            | "AuthFailure"
            | "UnauthorizedAccess" => ErrorKind::Unauthorized,
            "AuthFailure.ServiceLinkedRoleCreationNotPermitted" => ErrorKind::SpotRoleMissing,
            "InvalidLaunchTemplateName.NotFoundException"
            | "InvalidLaunchTemplateId.NotFound"
            | "InvalidLaunchTemplateName.NotFound" => ErrorKind::LaunchTemplateNotFound,
            "NoSuchEntity"
            | "ParameterNotFound"
            | "QueueDoesNotExist"
            | "AWS.SimpleQueueService.NonExistentQueue" => ErrorKind::NotFound,
            "InvalidLaunchTemplateName.AlreadyExistsException" | "EntityAlreadyExists" => {
                ErrorKind::AlreadyExists
            }
            "DeleteConflict" | "DependencyViolation" => ErrorKind::InUse,
            "InternalError" | "InternalFailure" | "ServerInternal" | "Unavailable" | "ServiceUnavailable" => {
                ErrorKind::Internal
            }
            "DryRunOperation" => ErrorKind::DryRun,
            _ if code.ends_with(".NotFound") => ErrorKind::NotFound,
            _ if code.starts_with("Invalid")
                || code.starts_with("Missing")
                || code == "ReceiptHandleIsInvalid" =>
            {
                ErrorKind::Invalid
            }
            _ => ErrorKind::Other,
        }
    }
}

impl CloudError {
    /// The error of a call, its kind read from the code.
    pub fn new(action: Action, code: impl Into<String>, message: impl Into<String>) -> CloudError {
        let code = code.into();
        CloudError { kind: ErrorKind::of_code(&code), code, message: message.into(), action }
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Throttled | ErrorKind::Internal)
    }

    /// Whether what was named does not exist (any more).
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound | ErrorKind::LaunchTemplateNotFound)
    }

    /// Whether it means that one offering cannot be had now.
    pub fn is_unfulfillable(&self) -> bool {
        is_unfulfillable(&self.code)
    }

    /// The reason that goes into the NodeClaim's condition Launched (reference section 5.4, step 9).
    pub fn launch_reason(&self) -> &'static str {
        launch_reason(&self.code)
    }
}

/// Whether a code means that one offering cannot be had now: those that put it aside for a while.
pub fn is_unfulfillable(code: &str) -> bool {
    UNFULFILLABLE.contains(&code)
}

/// The reason in the NodeClaim's condition Launched that a code stands for (reference section 5.4, step 9).
pub fn launch_reason(code: &str) -> &'static str {
    match code {
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted" => "SpotSLRCreationFailed",
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => "Unauthorized",
        "AuthFailure" => "AMIAuthorizationFailure",
        "InvalidParameter"
        | "InvalidParameterCombination"
        | "InvalidSecurityGroupID.NotFound"
        | "InvalidGroup.NotFound" => "SecurityGroupSubnetVPCMismatch",
        "InvalidIamInstanceProfileArn.Malformed" | "InvalidParameterValue" | "NoSuchEntity" => {
            "InstanceProfileNameInvalid"
        }
        "InvalidLaunchTemplateName.NotFoundException"
        | "InvalidLaunchTemplateName.NotFound"
        | "InvalidLaunchTemplateId.NotFound" => "LaunchTemplateNotFound",
        "InvalidAMIID.Malformed" | "InvalidAMIID.Unavailable" => "InvalidAMIID",
        "InvalidAMIID.NotFound" => "AMINotFound",
        "RequestLimitExceeded" => "RequestLimitExceeded",
        "InternalError" | "InternalFailure" | "ServiceUnavailable" | "Unavailable" => "InternalError",
        "FreeTierRestrictionError" => "FreeTierIneligible",
        "MaxFleetCountExceeded" => "FleetQuotaExceeded",
        "MaxSpotInstanceCountExceeded" => "SpotQuotaExceeded",
        "VcpuLimitExceeded" => "VCPULimitExceeded",
        "UserDataSizeLimitExceeded" => "UserDataSizeLimitExceeded",
        _ => "LaunchFailed",
    }
}
