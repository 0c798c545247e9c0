//! The reasons conditions are set with (reference sections 1.1 to 1.5): dashboards and scripts look for them.

/// Reasons on NodePools: why the NodeClass is not ready (row N18).
pub mod node_pool {
    /// There is no such NodeClass.
    pub const NODE_CLASS_NOT_FOUND: &str = "NodeClassNotFound";
    /// The NodeClass is being deleted.
    pub const NODE_CLASS_TERMINATING: &str = "NodeClassTerminating";
    /// Nobody has said yet whether the NodeClass is ready.
    pub const NODE_CLASS_READINESS_UNKNOWN: &str = "NodeClassReadinessUnknown";
}

/// Reasons on NodeClaims (reference section 1.2).
pub mod node_claim {
    /// The instance could not be launched.
    pub const LAUNCH_FAILED: &str = "LaunchFailed";
    /// No node has joined for the instance yet.
    pub const NODE_NOT_FOUND: &str = "NodeNotFound";
    /// More than one node claims to be the instance.
    pub const MULTIPLE_NODES_FOUND: &str = "MultipleNodesFound";
    /// Something that must happen at registration has not.
    pub const REGISTRATION_HOOK_PENDING: &str = "RegistrationHookPending";
    /// The node is not ready.
    pub const NODE_NOT_READY: &str = "NodeNotReady";
    /// A startup taint is still there.
    pub const STARTUP_TAINTS_EXIST: &str = "StartupTaintsExist";
    /// A taint that goes away by itself is still there.
    pub const KNOWN_EPHEMERAL_TAINTS_EXIST: &str = "KnownEphemeralTaintsExist";
    /// A resource the pods need has not appeared on the node.
    pub const RESOURCE_NOT_REGISTERED: &str = "ResourceNotRegistered";
    /// A device driver has not published all its devices.
    pub const DRA_DRIVER_POOLS_NOT_PUBLISHED: &str = "DRADriverPoolsNotPublished";
    /// Pods are still leaving.
    pub const DRAINING: &str = "Draining";
    /// Volumes are still attached.
    pub const AWAITING_VOLUME_DETACHMENT: &str = "AwaitingVolumeDetachment";
    /// The time for a graceful end is over.
    pub const TERMINATION_GRACE_PERIOD_ELAPSED: &str = "TerminationGracePeriodElapsed";
    /// The node is not what its claim promised.
    pub const CONSISTENCY_CHECK_FAILED: &str = "ConsistencyCheckFailed";
    /// Disrupted because of its price.
    pub const UNDERUTILIZED: &str = "Underutilized";
    /// Disrupted because nothing runs there.
    pub const EMPTY: &str = "Empty";
    /// Disrupted because it is no longer what is asked for.
    pub const DRIFTED: &str = "Drifted";
}

/// Reasons on NodeOverlays (reference section 1.3).
pub mod node_overlay {
    /// It breaks a rule that the definition cannot say.
    pub const RUNTIME_VALIDATION: &str = "RuntimeValidation";
    /// Another overlay of the same weight changes the same.
    pub const CONFLICT: &str = "Conflict";
}

/// Reasons on EC2NodeClasses (reference section 1.4).
pub mod node_class {
    /// No image was found.
    pub const AMI_NOT_FOUND: &str = "AMINotFound";
    /// There are no images of this alias for the cluster's version.
    pub const UNSUPPORTED_ALIAS: &str = "UnsupportedAlias";
    /// No subnet was found.
    pub const SUBNETS_NOT_FOUND: &str = "SubnetsNotFound";
    /// No security group was found.
    pub const SECURITY_GROUPS_NOT_FOUND: &str = "SecurityGroupsNotFound";
    /// The placement group was not found.
    pub const PLACEMENT_GROUP_NOT_FOUND: &str = "PlacementGroupNotFound";
    /// The placement group could not be looked up.
    pub const PLACEMENT_GROUP_RESOLUTION_FAILED: &str = "PlacementGroupResolutionFailed";
    /// The address range of the cluster's services is not known.
    pub const CLUSTER_CIDR_RESOLUTION_FAILED: &str = "ClusterCIDRResolutionFailed";
    /// The kubelet map has something that the kubelet does not know or that cannot be (row E13).
    pub const INVALID_KUBELET_CONFIGURATION: &str = "InvalidKubeletConfiguration";
    /// An expression in the kubelet map cannot be understood.
    pub const KUBELET_EXPRESSION_INVALID: &str = "KubeletExpressionInvalid";
    /// An expression in the kubelet map cannot be evaluated.
    pub const KUBELET_EXPRESSION_EVALUATION_FAILED: &str = "KubeletExpressionEvaluationFailed";
    /// Expressions in the kubelet map are switched off.
    pub const KUBELET_EXPRESSIONS_DISABLED: &str = "KubeletExpressionsDisabled";
    /// The family does not support a field of the kubelet map.
    pub const UNSUPPORTED_KUBELET_CONFIGURATION: &str = "UnsupportedKubeletConfiguration";
    /// Something else must be ready first.
    pub const DEPENDENCIES_NOT_READY: &str = "DependenciesNotReady";
    /// A tag is not allowed (row E12).
    pub const TAG_VALIDATION_FAILED: &str = "TagValidationFailed";
    /// CreateFleet is not permitted.
    pub const CREATE_FLEET_AUTH_CHECK_FAILED: &str = "CreateFleetAuthCheckFailed";
    /// CreateLaunchTemplate is not permitted.
    pub const CREATE_LAUNCH_TEMPLATE_AUTH_CHECK_FAILED: &str = "CreateLaunchTemplateAuthCheckFailed";
    /// RunInstances is not permitted.
    pub const RUN_INSTANCES_AUTH_CHECK_FAILED: &str = "RunInstancesAuthCheckFailed";
    /// The instance profile does not exist.
    pub const INSTANCE_PROFILE_NOT_FOUND: &str = "InstanceProfileNotFound";
    /// The user data is longer than EC2 takes.
    pub const USER_DATA_SIZE_LIMIT_EXCEEDED: &str = "UserDataSizeLimitExceeded";
}

/// Reasons on CapacityBuffers (reference section 1.5).
pub mod capacity_buffer {
    /// Shape and size are known.
    pub const RESOLVED: &str = "Resolved";
    /// The workload does not exist.
    pub const SCALABLE_REF_NOT_FOUND: &str = "ScalableRefNotFound";
    /// The PodTemplate does not exist.
    pub const POD_TEMPLATE_NOT_FOUND: &str = "PodTemplateNotFound";
    /// Shape or size cannot be found out.
    pub const RESOLUTION_FAILED: &str = "ResolutionFailed";
    /// The buffer fits on the nodes that are there.
    pub const FITS_EXISTING_CAPACITY: &str = "FitsExistingCapacity";
    /// The buffer needs nodes.
    pub const REQUIRES_NEW_CAPACITY: &str = "RequiresNewCapacity";
    /// Shape or size are not known.
    pub const NOT_READY_FOR_PROVISIONING: &str = "NotReadyForProvisioning";
    /// The buffer has no chunks.
    pub const BUFFER_EMPTY: &str = "BufferEmpty";
}
