//! Views: facts in the units of people.

/// A view by its name and its query.
pub const VIEWS: [(&str, &str); 1] = [(
    "usage",
    "select cluster, day, date_trunc('hour', start) as hour, start, \"end\", node, namespace, pod, pod_uid, container, \
            controller_kind, controller, root_kind, root, labels, namespace_labels, \
            to_unixtime(\"end\") - to_unixtime(start) as seconds, measured_seconds, \
            cpu_requested / 3.6e9 as core_hours_requested, cpu_used / 3.6e9 as core_hours_used, \
            cpu_charged / 3.6e9 as core_hours, \
            ram_requested / 3865470566400.0 as gib_hours_requested, ram_used / 3865470566400.0 as gib_hours_used, \
            ram_charged / 3865470566400.0 as gib_hours, \
            gpu_requested / 3.6e6 as gpu_hours_requested, gpu_used / 3.6e6 as gpu_hours_used, \
            gpu_charged / 3.6e6 as gpu_hours, \
            cpu_peak / 1e6 as cores_peak, ram_peak / 1073741824.0 as gib_peak, \
            bytes_sent, bytes_received, bytes_to_zones, bytes_to_regions, bytes_to_internet \
     from containers",
)];
