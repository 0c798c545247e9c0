//! Planning for pending pods.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Metrics;
use super::buckets::DURATION;
use super::family::families;

families! {
    /// Families about planning.
    SchedulerFamilies {
        duration: Histograms<1>("karpenter_scheduler_scheduling_duration_seconds", ["controller"],
            "Duration of scheduling simulations, in seconds", DURATION),
        queue_depth: Gauges<2>("karpenter_scheduler_queue_depth", ["controller", "scheduling_id"],
            "The number of pods waiting to be scheduled in a simulation under way"),
        unfinished: Gauges<2>("karpenter_scheduler_unfinished_work_seconds", ["controller", "scheduling_id"],
            "How many seconds of work have been done in a simulation under way"),
        unschedulable: Gauges<1>("karpenter_scheduler_unschedulable_pods_count", ["controller"],
            "The number of unschedulable pods"),
        ignored: Gauges<0>("karpenter_scheduler_ignored_pods_count", [],
            "Number of pods ignored during scheduling"),
        by_zone: Gauges<2>("karpenter_scheduler_pending_pods_by_effective_zone_count", ["controller", "zone"],
            "The number of pending pods by the zone that they can go to: its name, flexible or none"),
    }
}

impl Metrics {
    /// A plan was made by a controller, `provisioner` or `disruption`, in this time.
    pub fn planned(&self, controller: &str, duration: Duration) {
        self.scheduler.duration.took([controller], duration);
    }

    /// A plan is being made for so many pods, since this long.
    pub fn planning(&self, controller: &str, plan: &str, pods: usize, since: Duration) {
        self.scheduler.queue_depth.set([controller, plan], pods as f64);
        self.scheduler.unfinished.set([controller, plan], since.as_secs_f64());
    }

    /// The plan of this name is finished.
    pub fn planning_ended(&self, controller: &str, plan: &str) {
        let others = |labels: &[String; 2]| labels[0] != controller || labels[1] != plan;
        self.scheduler.queue_depth.retain(others);
        self.scheduler.unfinished.retain(others);
    }

    /// The last plan left so many pods without a place.
    pub fn unschedulable_pods(&self, controller: &str, pods: usize) {
        self.scheduler.unschedulable.set([controller], pods as f64);
    }

    /// So many pods cannot be considered, because something about them is wrong.
    pub fn ignored_pods(&self, pods: usize) {
        self.scheduler.ignored.set([], pods as f64);
    }

    /// So many pending pods can go to each zone; `flexible` and `none` count as zones.
    pub fn pending_pods_by_zone(&self, controller: &str, pods: &BTreeMap<String, usize>) {
        self.scheduler.by_zone.retain(|labels| labels[0] != controller || pods.contains_key(&labels[1]));
        for (zone, count) in pods {
            self.scheduler.by_zone.set([controller, zone], *count as f64);
        }
    }
}
