//! What a controller refuses at run time about objects of our kinds, beyond what their definitions say.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;

use crate::duration::{GoDuration, NillableDuration};
use crate::kinds::{Budget, CapacityBuffer, EC2NodeClass, NodeClaim, NodeOverlay, NodePool, ResourceList};
use crate::labels::{check_label_key, check_label_value, excerpt};
use crate::resources::{
    AMD_GPU, AWS_EFA, AWS_NEURON, AWS_NEURON_CORE, AWS_NITRO_SANDBOX, AWS_POD_ENI, AWS_PRIVATE_IPV4,
    HABANA_GAUDI, NVIDIA_GPU,
};
use crate::schedule::Schedule;

use super::check::Check;
use super::cluster::check_taint;
use super::cron::check_time_zone;
use super::kubelet::check_kubelet;
use super::path::At;
use super::problem::Problems;
use super::quantities::check_list;
use super::requirement_terms::{check_conflicts, check_terms};

/// A NodeClaim has room for this many requirements; the labels of the template and those of the pool and class count.
const MOST_REQUIREMENTS: usize = 100;

/// User data may be this long before it is encoded.
const LONGEST_USER_DATA: usize = 16 * 1024;

/// The resources an instance type has by itself, which an overlay cannot change (reference sections 1.3 and 1.7).
const PROVIDER_RESOURCES: [&str; 9] = [
    NVIDIA_GPU,
    AMD_GPU,
    AWS_NEURON,
    AWS_NEURON_CORE,
    HABANA_GAUDI,
    AWS_POD_ENI,
    AWS_PRIVATE_IPV4,
    AWS_EFA,
    AWS_NITRO_SANDBOX,
];

impl Check for NodePool {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let at = at.key("spec");
        let template = &self.spec.template;
        let at_template = at.key("template");
        let at_spec = at_template.key("spec");
        let at_requirements = at_spec.key("requirements");

        let labels = template.labels();
        let at_metadata = at_template.key("metadata");
        check_template_labels(&at_metadata.key("labels"), &labels, problems);
        check_terms(&at_requirements, &template.spec.requirements, problems);
        check_conflicts(&at_requirements, &template.spec.requirements, &labels, problems);
        // The pool and class labels are added to every claim.
        let requirements = template.spec.requirements.len() + labels.len() + 2;
        if requirements > MOST_REQUIREMENTS {
            problems
                .warning(&at_requirements, format!("requirements and labels are {requirements} together"))
                .right(format!("at most {MOST_REQUIREMENTS}, or no node can be launched"));
        }
        check_taints(&at_spec, template.spec.taints(), template.spec.startup_taints(), problems);
        check_positive(&at_spec.key("expireAfter"), template.spec.expire_after.as_ref(), problems);
        if let Some(limits) = &self.spec.limits {
            check_amounts(&at.key("limits"), limits, problems);
        }
        if let Some(disruption) = &self.spec.disruption {
            let at = at.key("disruption");
            let at_budgets = at.key("budgets");
            for (index, budget) in disruption.budgets.iter().flatten().enumerate() {
                check_budget(&at_budgets.index(index), budget, problems);
            }
        }
    }
}

impl Check for NodeClaim {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let at = at.key("spec");
        check_terms(&at.key("requirements"), &self.spec.requirements, problems);
        check_conflicts(&at.key("requirements"), &self.spec.requirements, &BTreeMap::new(), problems);
        check_taints(&at, self.spec.taints(), self.spec.startup_taints(), problems);
        if let Some(requests) = self.spec.requests() {
            let at = at.key("resources");
            check_amounts(&at.key("requests"), requests, problems);
        }
    }
}

impl Check for NodeOverlay {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let at = at.key("spec");
        check_terms(&at.key("requirements"), &self.spec.requirements, problems);
        check_conflicts(&at.key("requirements"), &self.spec.requirements, &BTreeMap::new(), problems);
        if let Some(capacity) = &self.spec.capacity {
            let at = at.key("capacity");
            check_amounts(&at, capacity, problems);
            for name in capacity.keys().filter(|name| PROVIDER_RESOURCES.contains(&name.as_str())) {
                problems
                    .error(
                        &at.key(name),
                        format!("{name} is a resource that instance types have by themselves"),
                    )
                    .on_key()
                    .right("an overlay can only add other extended resources")
                    .rule("overlay-capacity");
            }
        }
        if self.spec.price.is_none() && self.spec.price_adjustment.is_none() && self.spec.capacity.is_none() {
            problems
                .warning(&at, "the overlay changes nothing")
                .right("give price, priceAdjustment or capacity");
        }
    }
}

impl Check for EC2NodeClass {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let at = at.key("spec");
        let family = self.spec.resolved_ami_family();
        if let Some(kubelet) = &self.spec.kubelet {
            check_kubelet(&at.key("kubelet"), kubelet, family, problems);
        }
        if let Some(user_data) = self.spec.user_data.as_ref().filter(|data| data.len() > LONGEST_USER_DATA) {
            problems
                .error(&at.key("userData"), format!("{} bytes of user data are too many", user_data.len()))
                .right(format!("EC2 takes at most {LONGEST_USER_DATA}"))
                .rule("user-data-size");
        }
    }
}

impl Check for CapacityBuffer {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let at = at.key("spec");
        let spec = &self.spec;
        if let Some(limits) = &spec.limits {
            check_amounts(&at.key("limits"), limits, problems);
        }
        match &spec.scalable_ref {
            Some(reference) => {
                let at = at.key("scalableRef");
                let known = matches!(reference.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet");
                if !known || reference.api_group() != "apps" {
                    let named =
                        format!("{} of group {:?}", excerpt(&reference.kind), excerpt(reference.api_group()));
                    problems
                        .error(&at.key("kind"), format!("a {named} cannot be buffered"))
                        .right("possible: Deployment, StatefulSet, ReplicaSet of the group apps")
                        .rule("buffer-reference");
                }
            }
            None if spec.pod_template_ref.is_none() => {
                problems
                    .error(&at, "the buffer does not say what its pods look like")
                    .right("give podTemplateRef or scalableRef")
                    .rule("buffer-reference");
            }
            None if spec.percentage.is_some() => {
                problems
                    .warning(&at.key("percentage"), "percentage needs scalableRef")
                    .right("write replicas");
            }
            None => {}
        }
        if spec.provisioning_strategy() != crate::kinds::ACTIVE_CAPACITY {
            let strategy = excerpt(spec.provisioning_strategy());
            problems
                .warning(
                    &at.key("provisioningStrategy"),
                    format!("strategy {strategy:?} is not ours to follow"),
                )
                .right(format!("the buffer counts only with {}", crate::kinds::ACTIVE_CAPACITY));
        }
    }
}

fn check_template_labels(at: &At<'_>, labels: &BTreeMap<String, String>, problems: &mut Problems) {
    for (key, value) in labels {
        let at = at.key(key);
        if let Err(error) = check_label_key(key) {
            problems.error(&at, error.to_string()).on_key().rule("label-syntax");
        }
        if let Err(error) = check_label_value(value) {
            problems.error(&at, error.to_string()).rule("label-syntax");
        }
    }
}

/// Checks both lists of taints: syntax, and that no key and effect come twice (row N5).
fn check_taints(at: &At<'_>, taints: &[Taint], startup_taints: &[Taint], problems: &mut Problems) {
    let mut seen: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (field, list) in [("taints", taints), ("startupTaints", startup_taints)] {
        let at = at.key(field);
        for (index, taint) in list.iter().enumerate() {
            let at = at.index(index);
            check_taint(&at, taint, problems);
            let place = format!("{field}[{index}]");
            if let Some(first) = seen.get(&(taint.key.as_str(), taint.effect.as_str())) {
                problems
                    .error(
                        &at,
                        format!("taint {}:{} is there twice, see {first}", excerpt(&taint.key), taint.effect),
                    )
                    .right("keep one of the two")
                    .rule("duplicate-taint");
            } else {
                seen.insert((&taint.key, &taint.effect), place);
            }
        }
    }
}

fn check_budget(at: &At<'_>, budget: &Budget, problems: &mut Problems) {
    let known_zone = match budget.time_zone.as_deref().map(check_time_zone) {
        Some(Err(error)) => {
            problems.error(&at.key("timeZone"), error.to_string()).rule("budget-time-zone");
            None
        }
        _ => budget.time_zone.as_deref(),
    };
    if let Some(Err(error)) = budget.schedule.as_deref().map(|text| Schedule::parse(text, known_zone)) {
        problems
            .error(&at.key("schedule"), error.to_string())
            .right("write five fields such as 0 9 * * mon-fri, or @daily")
            .rule("budget-schedule");
    }
    if budget.duration.as_ref().is_some_and(GoDuration::is_zero) {
        problems.warning(&at.key("duration"), "the budget is never active").right("give a duration above 0");
    }
    if budget.nodes().parse::<u64>().is_err() && !budget.nodes().ends_with('%') {
        problems
            .error(&at.key("nodes"), format!("{:?} is no number of nodes", excerpt(budget.nodes())))
            .right("write fewer digits")
            .rule("budget-nodes");
    }
}

fn check_positive(at: &At<'_>, duration: Option<&NillableDuration>, problems: &mut Problems) {
    if duration.and_then(NillableDuration::as_nanos) == Some(0) {
        problems.warning(at, "nodes expire as soon as they start").right("give a duration above 0, or Never");
    }
}

fn check_amounts(at: &At<'_>, list: &ResourceList, problems: &mut Problems) {
    check_list(at, list, problems);
}
