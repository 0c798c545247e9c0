//! The moment a dump was made, as far as it tells.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use supercargo_api::Objects;

/// The latest moment that any object of the input speaks of as past: when it was made or asked to go, when a condition
/// was last seen or changed, when a container, a pod or a job started or ended. `None` if nothing in it has a date.
pub fn moment(objects: &Objects) -> Option<Timestamp> {
    let mut latest = Latest(None);
    latest.read_metadata(objects);
    latest.read_pods(objects);
    latest.read_nodes(objects);
    latest.read_workloads(objects);
    latest.0
}

struct Latest(Option<Timestamp>);

impl Latest {
    fn see(&mut self, time: Option<&Time>) {
        self.0 = self.0.max(time.map(|time| time.0));
    }

    fn meta(&mut self, meta: &ObjectMeta) {
        self.see(meta.creation_timestamp.as_ref());
        for entry in meta.managed_fields.iter().flatten() {
            self.see(entry.time.as_ref());
        }
        if let Some(deadline) = &meta.deletion_timestamp {
            // It is the end of the time of grace, which may lie ahead.
            let grace = SignedDuration::from_secs(meta.deletion_grace_period_seconds.unwrap_or(0).max(0));
            self.0 = self.0.max(deadline.0.checked_sub(grace).ok());
        }
    }

    fn read_metadata(&mut self, objects: &Objects) {
        macro_rules! each {
            ($($kind:ident),*) => { $( for one in &objects.$kind { self.meta(&one.metadata); } )* };
        }
        each!(
            pods,
            nodes,
            node_claims,
            node_pools,
            node_classes,
            node_overlays,
            capacity_buffers,
            pod_templates,
            deployments,
            replica_sets,
            stateful_sets,
            daemon_sets,
            jobs,
            cron_jobs,
            persistent_volumes,
            persistent_volume_claims,
            storage_classes,
            csi_nodes,
            pod_disruption_budgets,
            priority_classes,
            namespaces
        );
    }

    fn read_pods(&mut self, objects: &Objects) {
        for status in objects.pods.iter().filter_map(|pod| pod.status.as_ref()) {
            self.see(status.start_time.as_ref());
            for condition in status.conditions.iter().flatten() {
                self.see(condition.last_transition_time.as_ref());
                self.see(condition.last_probe_time.as_ref());
            }
            let containers =
                status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
            for state in containers.filter_map(|container| container.state.as_ref()) {
                self.see(state.running.as_ref().and_then(|running| running.started_at.as_ref()));
                self.see(state.terminated.as_ref().and_then(|ended| ended.finished_at.as_ref()));
            }
        }
    }

    fn read_nodes(&mut self, objects: &Objects) {
        for status in objects.nodes.iter().filter_map(|node| node.status.as_ref()) {
            for condition in status.conditions.iter().flatten() {
                self.see(condition.last_heartbeat_time.as_ref());
                self.see(condition.last_transition_time.as_ref());
            }
        }
        for claim in &objects.node_claims {
            let status = claim.status.as_ref();
            self.see(status.and_then(|status| status.last_pod_event_time.as_ref()));
            for condition in claim.conditions() {
                self.see(condition.last_transition_time.as_ref());
            }
        }
        let of_pools = objects.node_pools.iter().filter_map(|pool| pool.status.as_ref()?.conditions.as_ref());
        let of_classes =
            objects.node_classes.iter().filter_map(|class| class.status.as_ref()?.conditions.as_ref());
        for condition in of_pools.chain(of_classes).flatten() {
            self.see(condition.last_transition_time.as_ref());
        }
    }

    fn read_workloads(&mut self, objects: &Objects) {
        for status in objects.deployments.iter().filter_map(|one| one.status.as_ref()) {
            for condition in status.conditions.iter().flatten() {
                self.see(condition.last_update_time.as_ref());
                self.see(condition.last_transition_time.as_ref());
            }
        }
        for status in objects.jobs.iter().filter_map(|one| one.status.as_ref()) {
            self.see(status.start_time.as_ref());
            self.see(status.completion_time.as_ref());
        }
        for status in objects.cron_jobs.iter().filter_map(|one| one.status.as_ref()) {
            self.see(status.last_schedule_time.as_ref());
            self.see(status.last_successful_time.as_ref());
        }
        for status in objects.pod_disruption_budgets.iter().filter_map(|one| one.status.as_ref()) {
            for condition in status.conditions.iter().flatten() {
                self.see(Some(&condition.last_transition_time));
            }
            for time in status.disrupted_pods.iter().flat_map(|pods| pods.values()) {
                self.see(Some(time));
            }
        }
    }
}
