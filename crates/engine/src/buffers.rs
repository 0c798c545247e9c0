//! CapacityBuffers: pods that do not exist, so that room for the next ones is there before they come
//! (reference sections 1.5 and 2.13).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::CapacityBuffer;
use supercargo_api::Pod;
use supercargo_api::kinds::ACTIVE_CAPACITY;
use supercargo_api::labels;
use supercargo_api::objects::Objects;
use supercargo_api::resources::Resources;

use crate::amounts::ResourceNames;
use crate::class_table::pod_from_template;
use crate::problems::ObjectProblem;
use crate::requests::effective_requests;

/// Stand-in pods of all buffers of the active strategy, which have the lowest priority there is; and the buffers whose
/// shape cannot be found.
pub fn buffer_pods(objects: &Objects) -> (Vec<Pod>, Vec<ObjectProblem>) {
    let mut pods = Vec::new();
    let mut problems = Vec::new();
    for buffer in &objects.capacity_buffers {
        if buffer.spec.provisioning_strategy() != ACTIVE_CAPACITY {
            continue;
        }
        let namespace = buffer.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let name = buffer.metadata.name.clone().unwrap_or_default();
        match resolve(objects, buffer, &namespace) {
            Ok((template, scale)) => {
                let sample = stand_in(&template, &namespace, &name, 0);
                pods.extend(
                    (0..size(buffer, scale, &sample))
                        .map(|index| stand_in(&template, &namespace, &name, index)),
                );
            }
            Err(problem) => problems.push(ObjectProblem {
                kind: "CapacityBuffer".to_owned(),
                name: format!("{namespace}/{name}"),
                problem,
            }),
        }
    }
    (pods, problems)
}

fn named(meta: &ObjectMeta, namespace: &str, name: &str) -> bool {
    meta.name.as_deref() == Some(name) && meta.namespace.as_deref().unwrap_or("default") == namespace
}

/// The template of a buffer and the replicas of what it scales with.
fn resolve(
    objects: &Objects,
    buffer: &CapacityBuffer,
    namespace: &str,
) -> Result<(PodTemplateSpec, Option<i32>), String> {
    if let Some(reference) = &buffer.spec.pod_template_ref {
        let found = objects.pod_templates.iter().find(|one| named(&one.metadata, namespace, &reference.name));
        let template = found.and_then(|found| found.template.clone());
        return template
            .map(|template| (template, None))
            .ok_or_else(|| format!("PodTemplate {:?} not found", reference.name));
    }
    let Some(reference) = &buffer.spec.scalable_ref else {
        return Err("neither podTemplateRef nor scalableRef is set".to_owned());
    };
    let (kind, name) = (reference.kind.as_str(), reference.name.as_str());
    if reference.api_group() != "apps" || !matches!(kind, "Deployment" | "StatefulSet" | "ReplicaSet") {
        return Err(format!(
            "scalableRef {}/{kind} is not supported; use a Deployment, StatefulSet or ReplicaSet of apps",
            reference.api_group(),
        ));
    }
    let found = match kind {
        "Deployment" => {
            let found = objects.deployments.iter().find(|one| named(&one.metadata, namespace, name));
            found.map(|found| (Some(found.spec.template.clone()), found.spec.replicas))
        }
        "StatefulSet" => {
            let found = objects.stateful_sets.iter().find(|one| named(&one.metadata, namespace, name));
            found.map(|found| (Some(found.spec.template.clone()), found.spec.replicas))
        }
        _ => {
            let found = objects.replica_sets.iter().find(|one| named(&one.metadata, namespace, name));
            found.map(|found| (found.spec.template.clone(), found.spec.replicas))
        }
    };
    match found {
        Some((Some(template), replicas)) => Ok((template, Some(replicas.unwrap_or(1)))),
        _ => Err(format!("{kind} {name:?} not found")),
    }
}

/// The larger of replicas and percentage, bounded by limits; limits alone set the size if nothing else does.
fn size(buffer: &CapacityBuffer, scale: Option<i32>, sample: &Pod) -> i64 {
    let replicas = buffer.spec.replicas.map(i64::from);
    let share = buffer.spec.percentage.zip(scale).map(|(percentage, scale)| {
        let wanted = i64::from(percentage) * i64::from(scale);
        (wanted + 99).div_euclid(100).max(1)
    });
    let wanted = replicas.max(share);
    let limits =
        buffer.spec.limits.as_ref().and_then(|limits| Resources::from_quantities(limits.iter()).ok());
    let allowed = limits.and_then(|limits| {
        let mut names = ResourceNames::default();
        let requests = effective_requests(sample, &mut names).ok()?;
        let requested = names.resources(&requests);
        let per_resource = limits.iter().filter_map(|(name, limit)| match requested.get(name) {
            0 => None,
            request => Some(limit.max(0) / request),
        });
        per_resource.min()
    });
    // An upper bound keeps an absurd number from filling the memory.
    let most = 100_000;
    match (wanted, allowed) {
        (Some(wanted), Some(allowed)) => wanted.min(allowed),
        (Some(count), None) | (None, Some(count)) => count,
        (None, None) => 0,
    }
    .clamp(0, most)
}

fn stand_in(template: &PodTemplateSpec, namespace: &str, buffer: &str, index: i64) -> Pod {
    let mut pod = pod_from_template(template, namespace, &format!("capacity-buffer-{buffer}-{index}"));
    let annotations = pod.metadata.annotations.get_or_insert_with(BTreeMap::new);
    annotations.insert(labels::CAPACITY_BUFFER_FAKE_POD.to_owned(), "true".to_owned());
    annotations.insert(labels::CAPACITY_BUFFER_NAME.to_owned(), buffer.to_owned());
    annotations.insert(labels::CAPACITY_BUFFER_NAMESPACE.to_owned(), namespace.to_owned());
    if pod.spec().is_some() {
        pod.change_spec(|spec| {
            spec.priority = Some(i32::MIN);
            spec.priority_class_name = None;
            spec.node_name = None;
            if let Some(volumes) = &mut spec.volumes {
                volumes
                    .retain(|volume| volume.persistent_volume_claim.is_none() && volume.ephemeral.is_none());
            }
        });
    }
    pod
}
