//! CapacityBuffers say what they stand for and whether there is room for it (reference sections 1.5 and 2.13; gate
//! CapacityBuffer).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::condition_reasons::capacity_buffer as reasons;
use supercargo_api::condition_types::{PROVISIONING, READY_FOR_PROVISIONING};
use supercargo_api::{ACTIVE_CAPACITY, CapacityBuffer, Objects, PodTemplateReference};
use supercargo_engine::buffers::buffer_pods;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State};

use crate::conditions::{self, Finding};
use crate::knowledge::Knowledge;
use crate::provisioning::BufferFit;

/// How often it is looked whether there is room.
const EVERY: Duration = Duration::from_secs(10);

/// The controller of CapacityBuffers.
pub struct Buffers {
    knowledge: Arc<Knowledge>,
}

impl Buffers {
    /// A controller.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge }
    }
}

/// What a buffer stands for: how many pods; or why nobody knows.
fn resolve(key: &Key, buffer: &CapacityBuffer, state: &State) -> Result<i32, Finding> {
    if let Some(problem) = buffer.runtime_problems().first() {
        return Err(Finding::fails(reasons::RESOLUTION_FAILED, problem.to_string()));
    }
    let mut objects = Objects { capacity_buffers: vec![buffer.clone()], ..Objects::default() };
    let named = |name: &str| Key::new(&key.namespace, name);
    if let Some(reference) = &buffer.spec.pod_template_ref {
        match state.pod_templates.get(&named(&reference.name)) {
            Some(template) => objects.pod_templates.push((**template).clone()),
            None => {
                let message = format!("PodTemplate {:?} not found", reference.name);
                return Err(Finding::fails(reasons::POD_TEMPLATE_NOT_FOUND, message));
            }
        }
    } else if let Some(reference) = &buffer.spec.scalable_ref {
        let key = named(&reference.name);
        match reference.kind.as_str() {
            "Deployment" => {
                objects.deployments.extend(state.deployments.get(&key).map(|one| (**one).clone()))
            }
            "StatefulSet" => {
                objects.stateful_sets.extend(state.stateful_sets.get(&key).map(|one| (**one).clone()))
            }
            _ => objects.replica_sets.extend(state.replica_sets.get(&key).map(|one| (**one).clone())),
        }
        let found = objects.deployments.len() + objects.stateful_sets.len() + objects.replica_sets.len();
        if found == 0 {
            let message = format!("{} {:?} not found", reference.kind, reference.name);
            return Err(Finding::fails(reasons::SCALABLE_REF_NOT_FOUND, message));
        }
    }
    let (pods, problems) = buffer_pods(&objects);
    match problems.into_iter().next() {
        Some(problem) => Err(Finding::fails(reasons::RESOLUTION_FAILED, problem.problem)),
        None => Ok(i32::try_from(pods.len()).unwrap_or(i32::MAX)),
    }
}

/// Whether there is room, as far as the last plan tells.
fn provisioning(replicas: Result<i32, ()>, fit: Option<&BufferFit>) -> Finding {
    let Ok(replicas) = replicas else {
        return Finding::fails(reasons::NOT_READY_FOR_PROVISIONING, "the buffer could not be resolved");
    };
    if replicas == 0 {
        return Finding::fails(reasons::BUFFER_EMPTY, "the buffer has no chunks");
    }
    match fit {
        None => Finding::awaited(),
        Some(fit) if fit.new == 0 && fit.unplaced == 0 => {
            Finding::holds_because(reasons::FITS_EXISTING_CAPACITY, "all chunks fit on nodes that are there")
        }
        Some(fit) => {
            let message = format!("{} chunks need new nodes, {} fit nowhere", fit.new, fit.unplaced);
            Finding::fails(reasons::REQUIRES_NEW_CAPACITY, message)
        }
    }
}

impl Controller for Buffers {
    const NAME: &'static str = "buffers";
    const KINDS: &'static [Kind] =
        &[Kind::CapacityBuffer, Kind::PodTemplate, Kind::Deployment, Kind::StatefulSet, Kind::ReplicaSet];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        if let (_, Some(Object::CapacityBuffer(_))) = (&change.old, &change.new) {
            return vec![change.key.clone()];
        }
        let generation =
            |object: &Option<Object>| object.as_ref().and_then(|object| object.metadata().generation);
        if change.new.is_some() && change.old.is_some() && generation(&change.old) == generation(&change.new)
        {
            return Vec::new();
        }
        let name = Some(change.key.name.as_str());
        let means = |buffer: &CapacityBuffer| {
            let template = buffer.spec.pod_template_ref.as_ref().map(|reference| reference.name.as_str());
            let scalable = buffer.spec.scalable_ref.as_ref().map(|reference| reference.name.as_str());
            template == name || scalable == name
        };
        let buffers = state.capacity_buffers.of_namespace(&change.key.namespace);
        buffers.filter(|(_, buffer)| means(buffer)).map(|(key, _)| key.clone()).collect()
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(buffer) = state.capacity_buffers.get(key) else { return Decision::nothing() };
        if !self.knowledge.settings.gates.capacity_buffer
            || buffer.metadata.deletion_timestamp.is_some()
            || buffer.spec.provisioning_strategy() != ACTIVE_CAPACITY
        {
            return Decision::nothing();
        }
        let mut wanted = (**buffer).clone();
        let generation = buffer.metadata.generation;
        let status = wanted.status.get_or_insert_default();
        status.provisioning_strategy = Some(buffer.spec.provisioning_strategy().to_owned());
        let resolved = resolve(key, buffer, state);
        let template = buffer.spec.pod_template_ref.as_ref().filter(|_| resolved.is_ok());
        let template = template.and_then(|one| state.pod_templates.get(&Key::new(&key.namespace, &one.name)));
        status.pod_template_ref = template.map(|template| PodTemplateReference {
            name: template.metadata.name.clone().unwrap_or_default(),
        });
        status.pod_template_generation = template.and_then(|template| template.metadata.generation);
        status.replicas = resolved.as_ref().ok().copied();
        let ready = match &resolved {
            Ok(_) => Finding::holds_because(reasons::RESOLVED, ""),
            Err(finding) => finding.clone(),
        };
        conditions::set(&mut status.conditions, READY_FOR_PROVISIONING, &ready, generation, now);
        let fit = self.knowledge.buffers().get(key).cloned();
        let room = provisioning(resolved.map_err(|_| ()), fit.as_ref());
        conditions::set(&mut status.conditions, PROVISIONING, &room, generation, now);
        let mut decision = Decision::nothing();
        decision.actions.extend(Action::update_status(Kind::CapacityBuffer, &**buffer, &wanted));
        decision.look_again(now + EVERY);
        decision
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use supercargo_reconcile::Keyed;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::settings::{FeatureGates, Settings};
    use crate::stage;

    fn toy() -> (Toy, Arc<Knowledge>) {
        let gates = FeatureGates { capacity_buffer: true, ..FeatureGates::default() };
        let knowledge = stage::knowledge(Settings { gates, ..Settings::default() });
        let mut toy = Toy::new(vec![Box::new(Keyed::new(Buffers::new(Arc::clone(&knowledge))))]);
        let pod = json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}});
        toy.create(
            Kind::PodTemplate,
            json!({"metadata": {"name": "chunk", "namespace": "shop"}, "template": pod}),
        );
        toy.create(
            Kind::Deployment,
            json!({
                "metadata": {"name": "web", "namespace": "shop"},
                "spec": {"replicas": 30, "selector": {"matchLabels": {"a": "b"}}, "template": pod},
            }),
        );
        (toy, knowledge)
    }

    fn told(toy: &Toy) -> (Value, String) {
        let buffer =
            toy.state.get(Kind::CapacityBuffer, &Key::new("shop", "spare")).unwrap().to_value().unwrap();
        let all = buffer["status"]["conditions"].as_array().unwrap();
        let words = all.iter().map(|found| {
            format!("{}/{}", found["status"].as_str().unwrap(), found["reason"].as_str().unwrap())
        });
        (buffer["status"]["replicas"].clone(), words.collect::<Vec<_>>().join(" "))
    }

    #[rstest]
    #[case::by_template(json!({"podTemplateRef": {"name": "chunk"}, "replicas": 3}), json!(3), "True/Resolved Unknown/AwaitingReconciliation")]
    #[case::by_limits_alone(json!({"podTemplateRef": {"name": "chunk"}, "limits": {"cpu": "4500m"}}), json!(4), "True/Resolved Unknown/AwaitingReconciliation")]
    #[case::by_workload(json!({"scalableRef": {"apiGroup": "apps", "kind": "Deployment", "name": "web"}, "percentage": 11}), json!(4),
        "True/Resolved Unknown/AwaitingReconciliation")]
    #[case::the_larger_counts(json!({"scalableRef": {"kind": "Deployment", "name": "web"}, "percentage": 10, "replicas": 5}), json!(5),
        "True/Resolved Unknown/AwaitingReconciliation")]
    #[case::no_template(json!({"podTemplateRef": {"name": "x"}, "replicas": 3}), Value::Null, "False/PodTemplateNotFound False/NotReadyForProvisioning")]
    #[case::no_workload(json!({"scalableRef": {"kind": "Deployment", "name": "x"}, "replicas": 3}), Value::Null,
        "False/ScalableRefNotFound False/NotReadyForProvisioning")]
    #[case::no_such_kind(json!({"scalableRef": {"kind": "Job", "name": "x"}, "replicas": 3}), Value::Null,
        "False/ResolutionFailed False/NotReadyForProvisioning")]
    #[case::empty(json!({"podTemplateRef": {"name": "chunk"}, "replicas": 0}), json!(0), "True/Resolved False/BufferEmpty")]
    fn section_1_5_a_buffer_says_what_it_stands_for(
        #[case] spec: Value,
        #[case] replicas: Value,
        #[case] expected: &str,
    ) {
        let (mut toy, _) = toy();
        toy.create(
            Kind::CapacityBuffer,
            json!({"metadata": {"name": "spare", "namespace": "shop"}, "spec": spec}),
        );
        toy.run(Duration::from_secs(1));
        assert_eq!(told(&toy), (replicas, expected.to_owned()));
    }

    #[test]
    fn section_2_13_whether_there_is_room_follows_from_the_last_plan() {
        let (mut toy, knowledge) = toy();
        let spec = json!({"podTemplateRef": {"name": "chunk"}, "replicas": 3});
        toy.create(
            Kind::CapacityBuffer,
            json!({"metadata": {"name": "spare", "namespace": "shop"}, "spec": spec}),
        );
        let key = Key::new("shop", "spare");
        knowledge.buffers().insert(key.clone(), BufferFit { new: 2, ..BufferFit::default() });
        toy.run(Duration::from_secs(11));
        assert_eq!(told(&toy).1, "True/Resolved False/RequiresNewCapacity");
        knowledge.buffers().insert(key, BufferFit::default());
        toy.run(Duration::from_secs(11));
        assert_eq!(told(&toy).1, "True/Resolved True/FitsExistingCapacity");
    }

    #[test]
    fn a_workload_that_grows_makes_its_buffer_grow() {
        let (mut toy, _) = toy();
        let spec = json!({"scalableRef": {"kind": "Deployment", "name": "web"}, "percentage": 10});
        toy.create(
            Kind::CapacityBuffer,
            json!({"metadata": {"name": "spare", "namespace": "shop"}, "spec": spec}),
        );
        toy.run(Duration::from_secs(1));
        assert_eq!(told(&toy).0, json!(3));
        toy.patch(Kind::Deployment, &Key::new("shop", "web"), json!({"spec": {"replicas": 100}}));
        toy.run(Duration::from_secs(1));
        assert_eq!(told(&toy).0, json!(10));
    }
}
