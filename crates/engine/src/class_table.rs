//! Pods in, classes out: identical pods are compiled once.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rustc_hash::FxHashMap;
use supercargo_api::Pod;
use supercargo_api::labels;
use supercargo_api::objects::Objects;

use crate::amounts::{Amounts, ResourceNames, VOLUME_PREFIX};
use crate::class::{NodeRules, PodClass, host_ports, node_rules, pod_rules};
use crate::fingerprint::{SelectedKeys, fingerprint, same_class, same_rules};
use crate::pools::Daemon;
use crate::priorities::Priorities;
use crate::requests::effective_requests;
use crate::volumes::{VolumeIndex, VolumeNeeds};

/// Classes and rules by content, filled as pods are read.
pub(crate) struct ClassTable<'a> {
    pub(crate) names: ResourceNames,
    keys: SelectedKeys,
    volumes: VolumeIndex<'a>,
    volume_needs: Vec<VolumeNeeds>,
    priorities: Priorities,
    pub(crate) classes: Vec<PodClass>,
    class_samples: Vec<(&'a Pod, u32)>,
    class_by_hash: FxHashMap<u64, Vec<u32>>,
    pub(crate) rules: Vec<NodeRules>,
    rule_samples: Vec<(u32, u32)>,
    rules_by_hash: FxHashMap<u64, Vec<u32>>,
    live_daemons: BTreeMap<(&'a str, &'a str), (i64, &'a Pod)>,
}

impl<'a> ClassTable<'a> {
    pub(crate) fn new(objects: &'a Objects, keys: SelectedKeys) -> ClassTable<'a> {
        ClassTable {
            names: ResourceNames::default(),
            keys,
            volumes: VolumeIndex::new(objects),
            volume_needs: vec![VolumeNeeds::default()],
            priorities: Priorities::new(objects),
            classes: Vec::new(),
            class_samples: Vec::new(),
            class_by_hash: FxHashMap::default(),
            rules: Vec::new(),
            rule_samples: Vec::new(),
            rules_by_hash: FxHashMap::default(),
            live_daemons: BTreeMap::new(),
        }
    }

    pub(crate) fn class_of(&mut self, pod: &'a Pod) -> u32 {
        let has_volumes = pod.spec().is_some_and(|spec| spec.volumes.is_some());
        let needs = if has_volumes { self.volumes.needs(pod) } else { None };
        let volumes = match needs {
            None => 0,
            Some(needs) => {
                let known = self.volume_needs.iter().position(|known| *known == needs);
                known.unwrap_or_else(|| {
                    self.volume_needs.push(needs);
                    self.volume_needs.len() - 1
                })
            }
        } as u32;
        let print = fingerprint(pod, &self.keys, volumes);
        if let Some(candidates) = self.class_by_hash.get(&print.class) {
            for class in candidates {
                let (sample, sample_volumes) = &self.class_samples[*class as usize];
                if *sample_volumes == volumes && same_class(sample, pod, &self.keys) {
                    return *class;
                }
            }
        }
        let class = self.classes.len() as u32;
        let compiled = self.compile(pod, volumes, print.rules);
        self.classes.push(compiled);
        self.class_samples.push((pod, volumes));
        self.class_by_hash.entry(print.class).or_default().push(class);
        class
    }

    fn compile(&mut self, pod: &Pod, volumes: u32, rules_hash: u64) -> PodClass {
        let mut refusal = None;
        let needs = &self.volume_needs[volumes as usize];
        if let Some(problem) = &needs.problem {
            refusal = Some(problem.clone());
        }
        let attachments = needs.attachments.clone();
        let mut requests = match effective_requests(pod, &mut self.names) {
            Ok(requests) => requests,
            Err(error) => {
                refusal = Some(error.to_string());
                Amounts::ZERO
            }
        };
        for (driver, count) in attachments {
            match self.names.intern(&format!("{VOLUME_PREFIX}{driver}")) {
                Some(place) => requests[place] = count,
                None => refusal = Some("too many different extended resources are requested".to_owned()),
            }
        }
        let rules = match self.rules_of(pod, volumes, rules_hash) {
            Ok(rules) => {
                refusal = refusal.or_else(|| self.rules[rules as usize].restricted_key());
                rules
            }
            Err(reason) => {
                refusal = Some(reason);
                self.no_rules()
            }
        };
        let alternatives = &self.rules[rules as usize].alternatives;
        if alternatives.iter().all(|terms| {
            terms.get(labels::NODEPOOL).is_some_and(|rule| rule.allows_absent() && !rule.complement())
        }) {
            // Asked to stay away from NodePools: not ours, and not worth a word.
            refusal = Some(String::new());
        }
        let mut class = PodClass {
            namespace: pod.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned()),
            labels: pod.metadata.labels.clone().unwrap_or_default(),
            rules,
            requests,
            priority: self.priorities.of(pod),
            host_ports: Vec::new(),
            affinity: Vec::new(),
            anti_affinity: Vec::new(),
            preferred_affinity: Vec::new(),
            preferred_anti_affinity: Vec::new(),
            spreads: Vec::new(),
            refusal,
        };
        if let Some(spec) = pod.spec() {
            class.host_ports = host_ports(spec);
            pod_rules(spec, &mut class);
            if spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
                class.refusal = Some(
                    "uses dynamic resource allocation (resourceClaims), which is not supported".to_owned(),
                );
            }
        }
        class
    }

    fn no_rules(&mut self) -> u32 {
        self.rules.push(NodeRules { alternatives: vec![Default::default()], ..NodeRules::default() });
        (self.rules.len() - 1) as u32
    }

    fn rules_of(&mut self, pod: &Pod, volumes: u32, hash: u64) -> Result<u32, String> {
        if let Some(candidates) = self.rules_by_hash.get(&hash) {
            for rules in candidates {
                let (class, sample_volumes) = self.rule_samples[*rules as usize];
                let same =
                    self.class_samples.get(class as usize).is_some_and(|(sample, _)| same_rules(sample, pod));
                if sample_volumes == volumes && same {
                    return Ok(*rules);
                }
            }
        }
        let built = node_rules(pod, &self.volume_needs[volumes as usize])?;
        let rules = self.rules.len() as u32;
        self.rules.push(built);
        self.rule_samples.resize(rules as usize, (u32::MAX, 0));
        self.rule_samples.push((self.classes.len() as u32, volumes));
        self.rules_by_hash.entry(hash).or_default().push(rules);
        Ok(rules)
    }

    /// Remembers the newest live pod of each DaemonSet: it shows what webhooks made of the template.
    pub(crate) fn see_daemon(&mut self, pod: &'a Pod, daemon_set: &'a str) {
        let created = pod.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
        let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
        let newest = self.live_daemons.entry((namespace, daemon_set)).or_insert((created, pod));
        if created > newest.0 {
            *newest = (created, pod);
        }
    }

    /// The DaemonSets: where their templates say, as large as their newest live pods.
    pub(crate) fn daemons(&mut self, objects: &Objects) -> Vec<Daemon> {
        let mut daemons = Vec::new();
        for daemon_set in &objects.daemon_sets {
            let spec = &daemon_set.spec;
            let namespace = daemon_set.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
            let name = daemon_set.metadata.name.clone().unwrap_or_default();
            let pod = pod_from_template(&spec.template, &namespace, &name);
            let Ok(rules) = node_rules(&pod, &VolumeNeeds::default()) else { continue };
            let live = self.live_daemons.get(&(namespace.as_str(), name.as_str())).map(|(_, live)| *live);
            let requests = effective_requests(live.unwrap_or(&pod), &mut self.names).unwrap_or_default();
            let mut rules = rules;
            // The DaemonSet controller tolerates these on behalf of every daemon pod.
            rules.tolerations.extend(crate::rooms::daemon_tolerations());
            daemons.push(Daemon {
                name: format!("{namespace}/{name}"),
                rules,
                requests,
                host_ports: pod.spec().map(host_ports).unwrap_or_default(),
            });
        }
        daemons
    }
}

/// A pod as a controller would make it.
pub fn pod_from_template(template: &PodTemplateSpec, namespace: &str, name: &str) -> Pod {
    let meta = template.metadata.clone().unwrap_or_default();
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        labels: meta.labels,
        annotations: meta.annotations,
        ..ObjectMeta::default()
    };
    Pod::new(metadata, template.spec.clone(), None)
}
