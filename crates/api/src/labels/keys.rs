//! Every key by name. Sources: reference sections 1.6 (annotations, finalizers, taints) and 1.7 (labels), and the
//! labels Kubernetes itself documents.

/// The API group of NodePool and NodeClaim.
pub const KARPENTER_GROUP: &str = "karpenter.sh";
/// The API group of EC2NodeClass.
pub const KARPENTER_AWS_GROUP: &str = "karpenter.k8s.aws";

// Labels: core well-known.

/// The NodePool a node belongs to.
pub const NODEPOOL: &str = "karpenter.sh/nodepool";
/// `on-demand`, `spot` or `reserved`.
pub const CAPACITY_TYPE: &str = "karpenter.sh/capacity-type";
/// The availability zone by name.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// The region by name.
pub const REGION: &str = "topology.kubernetes.io/region";
/// The instance type by name.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// `amd64` or `arm64`.
pub const ARCH: &str = "kubernetes.io/arch";
/// `linux` or `windows`.
pub const OS: &str = "kubernetes.io/os";
/// The build of Windows.
pub const WINDOWS_BUILD: &str = "node.kubernetes.io/windows-build";
/// The node's own name; never a requirement of a NodePool.
pub const HOSTNAME: &str = "kubernetes.io/hostname";

// Labels: lifecycle.

/// `true` once the node has registered.
pub const REGISTERED: &str = "karpenter.sh/registered";
/// `true` once the node has initialized.
pub const INITIALIZED: &str = "karpenter.sh/initialized";
/// `true` where the kubelet registers taints by itself.
pub const DO_NOT_SYNC_TAINTS: &str = "karpenter.sh/do-not-sync-taints";
/// Set to `karpenter` on a node that is being terminated.
pub const EXCLUDE_FROM_LOAD_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// The EC2NodeClass a node was made from.
pub const EC2_NODE_CLASS: &str = "karpenter.k8s.aws/ec2nodeclass";

// Labels: aliases of old.

/// Old form of [`ZONE`].
pub const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
/// Old form of [`REGION`].
pub const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";
/// Old form of [`ARCH`].
pub const BETA_ARCH: &str = "beta.kubernetes.io/arch";
/// Old form of [`OS`].
pub const BETA_OS: &str = "beta.kubernetes.io/os";
/// Old form of [`INSTANCE_TYPE`].
pub const BETA_INSTANCE_TYPE: &str = "beta.kubernetes.io/instance-type";
/// The EBS CSI driver's form of [`ZONE`].
pub const EBS_CSI_ZONE: &str = "topology.ebs.csi.aws.com/zone";

// Labels: AWS instances.

/// Leading letters of the type: `m`.
pub const INSTANCE_CATEGORY: &str = "karpenter.k8s.aws/instance-category";
/// What stands before the point: `m7g`.
pub const INSTANCE_FAMILY: &str = "karpenter.k8s.aws/instance-family";
/// The digit after the category: `7`.
pub const INSTANCE_GENERATION: &str = "karpenter.k8s.aws/instance-generation";
/// What stands behind the point: `2xlarge`.
pub const INSTANCE_SIZE: &str = "karpenter.k8s.aws/instance-size";
/// vCPUs.
pub const INSTANCE_CPU: &str = "karpenter.k8s.aws/instance-cpu";
/// `aws`, `intel` or `amd`.
pub const INSTANCE_CPU_MANUFACTURER: &str = "karpenter.k8s.aws/instance-cpu-manufacturer";
/// Sustained clock speed in MHz.
pub const INSTANCE_CPU_CLOCK_SPEED: &str = "karpenter.k8s.aws/instance-cpu-sustained-clock-speed-mhz";
/// Memory in MiB.
pub const INSTANCE_MEMORY: &str = "karpenter.k8s.aws/instance-memory";
/// Greatest EBS bandwidth in Mbps, for types that are EBS-optimised by default.
pub const INSTANCE_EBS_BANDWIDTH: &str = "karpenter.k8s.aws/instance-ebs-bandwidth";
/// Baseline network bandwidth in Mbps.
pub const INSTANCE_NETWORK_BANDWIDTH: &str = "karpenter.k8s.aws/instance-network-bandwidth";
/// Local NVMe storage in GB, in total.
pub const INSTANCE_LOCAL_NVME: &str = "karpenter.k8s.aws/instance-local-nvme";
/// Name of the GPU, if the type has one kind of GPU.
pub const INSTANCE_GPU_NAME: &str = "karpenter.k8s.aws/instance-gpu-name";
/// Maker of the GPU.
pub const INSTANCE_GPU_MANUFACTURER: &str = "karpenter.k8s.aws/instance-gpu-manufacturer";
/// Number of GPUs.
pub const INSTANCE_GPU_COUNT: &str = "karpenter.k8s.aws/instance-gpu-count";
/// Memory of one GPU in MiB.
pub const INSTANCE_GPU_MEMORY: &str = "karpenter.k8s.aws/instance-gpu-memory";
/// Name of the accelerator: `inferentia2`.
pub const INSTANCE_ACCELERATOR_NAME: &str = "karpenter.k8s.aws/instance-accelerator-name";
/// Maker of the accelerator.
pub const INSTANCE_ACCELERATOR_MANUFACTURER: &str = "karpenter.k8s.aws/instance-accelerator-manufacturer";
/// Number of accelerators.
pub const INSTANCE_ACCELERATOR_COUNT: &str = "karpenter.k8s.aws/instance-accelerator-count";
/// `nitro` or `xen`; empty on bare metal.
pub const INSTANCE_HYPERVISOR: &str = "karpenter.k8s.aws/instance-hypervisor";
/// `true` or `false`.
pub const INSTANCE_ENCRYPTION_IN_TRANSIT: &str = "karpenter.k8s.aws/instance-encryption-in-transit-supported";
/// `true` or `false`: whether the type supports Nitro Enclaves.
pub const NITRO_SANDBOX: &str = "karpenter.k8s.aws/nitro-sandbox";
/// `true` or `false`: whether the type is a flex type.
pub const INSTANCE_CAPABILITY_FLEX: &str = "karpenter.k8s.aws/instance-capability-flex";
/// `default` or `dedicated`.
pub const INSTANCE_TENANCY: &str = "karpenter.k8s.aws/instance-tenancy";
/// The capacity reservation a node runs in.
pub const CAPACITY_RESERVATION_ID: &str = "karpenter.k8s.aws/capacity-reservation-id";
/// `default` or `capacity-block`.
pub const CAPACITY_RESERVATION_TYPE: &str = "karpenter.k8s.aws/capacity-reservation-type";
/// `true` or `false`.
pub const CAPACITY_RESERVATION_INTERRUPTIBLE: &str = "karpenter.k8s.aws/capacity-reservation-interruptible";
/// The placement group a node runs in.
pub const PLACEMENT_GROUP_ID: &str = "karpenter.k8s.aws/placement-group-id";
/// The partition of the placement group.
pub const PLACEMENT_GROUP_PARTITION: &str = "karpenter.k8s.aws/placement-group-partition";
/// The availability zone by its id, which means the same in every account.
pub const ZONE_ID: &str = "topology.k8s.aws/zone-id";

// Annotations.

/// Blocks voluntary disruption: `true`, or on a pod a Go duration counted from its start.
pub const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";
/// Hash of the NodePool's template, for drift.
pub const NODEPOOL_HASH: &str = "karpenter.sh/nodepool-hash";
/// Version of the way [`NODEPOOL_HASH`] is computed.
pub const NODEPOOL_HASH_VERSION: &str = "karpenter.sh/nodepool-hash-version";
/// The NodeClaims that a NodeClaim was made to replace, by name, with commas; not one of Karpenter's.
pub const REPLACES: &str = "supercargo.dev/replaces";
/// What the keys of annotations begin with that name the launches of one call, with their client tokens; not one of Karpenter's.
pub const LAUNCHED_TOGETHER: &str = "launch.supercargo.dev/";
/// RFC 3339 hard deadline of a termination.
pub const TERMINATION_TIMESTAMP: &str = "karpenter.sh/nodeclaim-termination-timestamp";
/// `true` or `false`: whether minValues was relaxed for this NodeClaim.
pub const MIN_VALUES_RELAXED: &str = "karpenter.sh/nodeclaim-min-values-relaxed";
/// Comma-separated drivers that must publish their pools before initialization.
pub const REQUESTED_DRA_DRIVERS: &str = "karpenter.sh/requested-dra-drivers";
/// `true` if a NodeOverlay changed the price of the types this NodeClaim was launched from.
pub const PRICE_OVERLAY_APPLIED: &str = "karpenter.sh/price-overlay-applied";
/// `true` if a NodeOverlay changed the capacity of the types this NodeClaim was launched from.
pub const CAPACITY_OVERLAY_APPLIED: &str = "karpenter.sh/capacity-overlay-applied";
/// `true` on a virtual pod that stands for a share of a capacity buffer.
pub const CAPACITY_BUFFER_FAKE_POD: &str = "karpenter.sh/capacity-buffer-fake-pod";
/// Name of the capacity buffer a virtual pod stands for.
pub const CAPACITY_BUFFER_NAME: &str = "karpenter.sh/capacity-buffer-name";
/// Namespace of the capacity buffer a virtual pod stands for.
pub const CAPACITY_BUFFER_NAMESPACE: &str = "karpenter.sh/capacity-buffer-namespace";
/// Hash of the EC2NodeClass, for drift.
pub const EC2_NODE_CLASS_HASH: &str = "karpenter.k8s.aws/ec2nodeclass-hash";
/// Version of the way [`EC2_NODE_CLASS_HASH`] is computed.
pub const EC2_NODE_CLASS_HASH_VERSION: &str = "karpenter.k8s.aws/ec2nodeclass-hash-version";
/// Set once the instance carries its tags.
pub const TAGGED: &str = "karpenter.k8s.aws/tagged";
/// The instance profile a node was launched with.
pub const INSTANCE_PROFILE_NAME: &str = "karpenter.k8s.aws/instance-profile-name";
/// Set once the instance carries the cluster-name tag.
pub const CLUSTER_NAME_TAGGED: &str = "compatibility.karpenter.k8s.aws/cluster-name-tagged";
/// Weighs a pod's eviction.
pub const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

// Finalizers.

/// Held on NodeClaims and Nodes until their instance is gone.
pub const TERMINATION_FINALIZER: &str = "karpenter.sh/termination";
/// Held on an EC2NodeClass while a NodeClaim uses it.
pub const EC2_NODE_CLASS_FINALIZER: &str = "karpenter.k8s.aws/termination";

// Taints.

/// On nodes that are being disrupted (NoSchedule).
pub const DISRUPTED_TAINT: &str = "karpenter.sh/disrupted";
/// On nodes until they are registered (NoExecute).
pub const UNREGISTERED_TAINT: &str = "karpenter.sh/unregistered";
/// On nodes that are not ready.
pub const NOT_READY_TAINT: &str = "node.kubernetes.io/not-ready";
/// On nodes that cannot be reached.
pub const UNREACHABLE_TAINT: &str = "node.kubernetes.io/unreachable";
/// On nodes the cloud provider has not initialized yet.
pub const CLOUD_PROVIDER_UNINITIALIZED_TAINT: &str = "node.cloudprovider.kubernetes.io/uninitialized";
/// On cordoned nodes.
pub const UNSCHEDULABLE_TAINT: &str = "node.kubernetes.io/unschedulable";
/// Prefix of taints that readiness gates put on nodes.
pub const READINESS_TAINT_PREFIX: &str = "readiness.k8s.io/";

// Values.

/// Value of [`CAPACITY_TYPE`].
pub const CAPACITY_TYPE_ON_DEMAND: &str = "on-demand";
/// Value of [`CAPACITY_TYPE`].
pub const CAPACITY_TYPE_SPOT: &str = "spot";
/// Value of [`CAPACITY_TYPE`].
pub const CAPACITY_TYPE_RESERVED: &str = "reserved";
/// Value of [`ARCH`].
pub const ARCH_AMD64: &str = "amd64";
/// Value of [`ARCH`].
pub const ARCH_ARM64: &str = "arm64";
/// Value of [`OS`].
pub const OS_LINUX: &str = "linux";
/// Value of [`OS`].
pub const OS_WINDOWS: &str = "windows";
/// Value of [`INSTANCE_TENANCY`].
pub const TENANCY_DEFAULT: &str = "default";
/// Value of [`INSTANCE_TENANCY`].
pub const TENANCY_DEDICATED: &str = "dedicated";
