//! What EC2's error codes mean (reference section 5.4, step 9).

use rstest::rstest;
use supercargo_cloud::{Action, CloudError, ErrorKind, is_unfulfillable, launch_reason};

#[rstest]
#[case("InsufficientInstanceCapacity", ErrorKind::InsufficientCapacity, true, false)]
#[case("UnfulfillableCapacity", ErrorKind::InsufficientCapacity, true, false)]
#[case("MaxSpotInstanceCountExceeded", ErrorKind::QuotaExceeded, true, false)]
#[case("VcpuLimitExceeded", ErrorKind::QuotaExceeded, true, false)]
#[case("MaxFleetCountExceeded", ErrorKind::QuotaExceeded, true, false)]
#[case("ReservationCapacityExceeded", ErrorKind::ReservationExceeded, true, false)]
#[case("InsufficientFreeAddressesInSubnet", ErrorKind::NoFreeAddresses, true, false)]
#[case("Unsupported", ErrorKind::Unsupported, true, false)]
#[case("RequestLimitExceeded", ErrorKind::Throttled, false, true)]
#[case("ThrottlingException", ErrorKind::Throttled, false, true)]
#[case("InternalError", ErrorKind::Internal, false, true)]
#[case("ServiceUnavailable", ErrorKind::Internal, false, true)]
#[case("UnauthorizedOperation", ErrorKind::Unauthorized, false, false)]
#[case("AccessDenied", ErrorKind::Unauthorized, false, false)]
#[case("AuthFailure.ServiceLinkedRoleCreationNotPermitted", ErrorKind::SpotRoleMissing, false, false)]
#[case("InvalidInstanceID.NotFound", ErrorKind::NotFound, false, false)]
#[case("InvalidAMIID.NotFound", ErrorKind::NotFound, false, false)]
#[case("ParameterNotFound", ErrorKind::NotFound, false, false)]
#[case("InvalidLaunchTemplateName.NotFoundException", ErrorKind::LaunchTemplateNotFound, false, false)]
#[case("InvalidLaunchTemplateName.AlreadyExistsException", ErrorKind::AlreadyExists, false, false)]
#[case("InvalidParameterValue", ErrorKind::Invalid, false, false)]
#[case("DryRunOperation", ErrorKind::DryRun, false, false)]
#[case("SomethingNew", ErrorKind::Other, false, false)]
fn a_code_means(
    #[case] code: &str,
    #[case] kind: ErrorKind,
    #[case] puts_offering_aside: bool,
    #[case] is_retryable: bool,
) {
    let error = CloudError::new(Action::CreateFleet, code, "why");
    assert_eq!((error.kind, error.code.as_str()), (kind, code));
    assert_eq!(error.is_unfulfillable(), puts_offering_aside);
    assert_eq!(is_unfulfillable(code), puts_offering_aside);
    assert_eq!(error.is_retryable(), is_retryable);
    assert_eq!(error.to_string(), format!("CreateFleet: {code}: why"));
    let is_gone = matches!(kind, ErrorKind::NotFound | ErrorKind::LaunchTemplateNotFound);
    assert_eq!(error.is_not_found(), is_gone);
}

#[rstest]
#[case("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "SpotSLRCreationFailed")]
#[case("UnauthorizedOperation", "Unauthorized")]
#[case("InvalidLaunchTemplateName.NotFoundException", "LaunchTemplateNotFound")]
#[case("InvalidAMIID.NotFound", "AMINotFound")]
#[case("InvalidAMIID.Malformed", "InvalidAMIID")]
#[case("RequestLimitExceeded", "RequestLimitExceeded")]
#[case("MaxFleetCountExceeded", "FleetQuotaExceeded")]
#[case("MaxSpotInstanceCountExceeded", "SpotQuotaExceeded")]
#[case("VcpuLimitExceeded", "VCPULimitExceeded")]
#[case("UserDataSizeLimitExceeded", "UserDataSizeLimitExceeded")]
#[case("SomethingNew", "LaunchFailed")]
fn a_code_is_a_reason_in_the_condition_launched(#[case] code: &str, #[case] reason: &str) {
    assert_eq!(launch_reason(code), reason);
}

#[test]
fn every_action_is_found_by_its_name() {
    for action in Action::ALL {
        assert_eq!(action.as_str().parse(), Ok(*action));
        assert!(["ec2", "ssm", "iam", "sqs", "arc-zonal-shift"].contains(&action.service()));
    }
    let error = "createfleet".parse::<Action>();
    assert!(error.is_err_and(|error| error.to_string().contains("such as CreateFleet")));
}
