//! The fields of a kubelet's configuration file (`kubelet.config.k8s.io/v1beta1`) and their types.

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldType {
    Boolean,
    Integer,
    Number,
    Text,
    Duration,
    /// A list of texts.
    Texts,
    /// A map of texts to texts.
    TextMap,
    /// A map of texts to booleans.
    SwitchMap,
    /// A list of objects.
    List,
    /// An object with fields of its own.
    Object,
}

/// Every field with its type, in order of names.
pub(super) const KUBELET_FIELDS: &[(&str, FieldType)] = {
    use FieldType::{Boolean, Duration, Integer, List, Number, Object, SwitchMap, Text, TextMap, Texts};
    &[
        ("address", Text),
        ("allowedUnsafeSysctls", Texts),
        ("apiVersion", Text),
        ("authentication", Object),
        ("authorization", Object),
        ("cgroupDriver", Text),
        ("cgroupRoot", Text),
        ("cgroupsPerQOS", Boolean),
        ("clusterDNS", Texts),
        ("clusterDomain", Text),
        ("configMapAndSecretChangeDetectionStrategy", Text),
        ("containerLogMaxFiles", Integer),
        ("containerLogMaxSize", Text),
        ("containerLogMaxWorkers", Integer),
        ("containerLogMonitorInterval", Duration),
        ("containerRuntimeEndpoint", Text),
        ("contentType", Text),
        ("cpuCFSQuota", Boolean),
        ("cpuCFSQuotaPeriod", Duration),
        ("cpuManagerPolicy", Text),
        ("cpuManagerPolicyOptions", TextMap),
        ("cpuManagerReconcilePeriod", Duration),
        ("crashLoopBackOff", Object),
        ("enableContentionProfiling", Boolean),
        ("enableControllerAttachDetach", Boolean),
        ("enableDebugFlagsHandler", Boolean),
        ("enableDebuggingHandlers", Boolean),
        ("enableProfilingHandler", Boolean),
        ("enableServer", Boolean),
        ("enableSystemLogHandler", Boolean),
        ("enableSystemLogQuery", Boolean),
        ("enforceNodeAllocatable", Texts),
        ("eventBurst", Integer),
        ("eventRecordQPS", Integer),
        ("evictionHard", TextMap),
        ("evictionMaxPodGracePeriod", Integer),
        ("evictionMinimumReclaim", TextMap),
        ("evictionPressureTransitionPeriod", Duration),
        ("evictionSoft", TextMap),
        ("evictionSoftGracePeriod", TextMap),
        ("failCgroupV1", Boolean),
        ("failSwapOn", Boolean),
        ("featureGates", SwitchMap),
        ("fileCheckFrequency", Duration),
        ("hairpinMode", Text),
        ("healthzBindAddress", Text),
        ("healthzPort", Integer),
        ("httpCheckFrequency", Duration),
        ("imageGCHighThresholdPercent", Integer),
        ("imageGCLowThresholdPercent", Integer),
        ("imageMaximumGCAge", Duration),
        ("imageMinimumGCAge", Duration),
        ("imagePullCredentialsVerificationPolicy", Text),
        ("imageServiceEndpoint", Text),
        ("iptablesDropBit", Integer),
        ("iptablesMasqueradeBit", Integer),
        ("kernelMemcgNotification", Boolean),
        ("kind", Text),
        ("kubeAPIBurst", Integer),
        ("kubeAPIQPS", Integer),
        ("kubeReserved", TextMap),
        ("kubeReservedCgroup", Text),
        ("kubeletCgroups", Text),
        ("localStorageCapacityIsolation", Boolean),
        ("logging", Object),
        ("makeIPTablesUtilChains", Boolean),
        ("maxOpenFiles", Integer),
        ("maxParallelImagePulls", Integer),
        ("maxPods", Integer),
        ("memoryManagerPolicy", Text),
        ("memorySwap", Object),
        ("memoryThrottlingFactor", Number),
        ("mergeDefaultEvictionSettings", Boolean),
        ("nodeLeaseDurationSeconds", Integer),
        ("nodeStatusMaxImages", Integer),
        ("nodeStatusReportFrequency", Duration),
        ("nodeStatusUpdateFrequency", Duration),
        ("oomScoreAdj", Integer),
        ("podCIDR", Text),
        ("podLogsDir", Text),
        ("podPidsLimit", Integer),
        ("podsPerCore", Integer),
        ("port", Integer),
        ("preloadedImagesVerificationAllowlist", Texts),
        ("protectKernelDefaults", Boolean),
        ("providerID", Text),
        ("qosReserved", TextMap),
        ("readOnlyPort", Integer),
        ("registerNode", Boolean),
        ("registerWithTaints", List),
        ("registryBurst", Integer),
        ("registryPullQPS", Integer),
        ("reservedMemory", List),
        ("reservedSystemCPUs", Text),
        ("resolvConf", Text),
        ("rotateCertificates", Boolean),
        ("runOnce", Boolean),
        ("runtimeRequestTimeout", Duration),
        ("seccompDefault", Boolean),
        ("serializeImagePulls", Boolean),
        ("serverTLSBootstrap", Boolean),
        ("showHiddenMetricsForVersion", Text),
        ("shutdownGracePeriod", Duration),
        ("shutdownGracePeriodByPodPriority", List),
        ("shutdownGracePeriodCriticalPods", Duration),
        ("singleProcessOOMKill", Boolean),
        ("staticPodPath", Text),
        ("staticPodURL", Text),
        ("staticPodURLHeader", Object),
        ("streamingConnectionIdleTimeout", Duration),
        ("syncFrequency", Duration),
        ("systemCgroups", Text),
        ("systemReserved", TextMap),
        ("systemReservedCgroup", Text),
        ("tlsCertFile", Text),
        ("tlsCipherSuites", Texts),
        ("tlsMinVersion", Text),
        ("tlsPrivateKeyFile", Text),
        ("topologyManagerPolicy", Text),
        ("topologyManagerPolicyOptions", TextMap),
        ("topologyManagerScope", Text),
        ("tracing", Object),
        ("userNamespaces", Object),
        ("volumePluginDir", Text),
        ("volumeStatsAggPeriod", Duration),
    ]
};

/// The fields that are passed on to nodes of other families than AL2023 (row E13).
pub(super) const MAPPED_FIELDS: [&str; 12] = [
    "clusterDNS",
    "cpuCFSQuota",
    "evictionHard",
    "evictionMaxPodGracePeriod",
    "evictionSoft",
    "evictionSoftGracePeriod",
    "imageGCHighThresholdPercent",
    "imageGCLowThresholdPercent",
    "kubeReserved",
    "maxPods",
    "podsPerCore",
    "systemReserved",
];

/// The type of a field, if there is such a field.
pub(super) fn type_of(field: &str) -> Option<FieldType> {
    let position = KUBELET_FIELDS.binary_search_by(|(name, _)| (*name).cmp(field)).ok()?;
    KUBELET_FIELDS.get(position).map(|(_, field_type)| *field_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_order_so_that_they_can_be_searched() {
        assert!(KUBELET_FIELDS.is_sorted_by(|before, after| before.0 < after.0));
        assert_eq!(type_of("maxPods"), Some(FieldType::Integer));
        assert_eq!(type_of("maxpods"), None);
        assert!(MAPPED_FIELDS.iter().all(|field| type_of(field).is_some()));
    }
}
