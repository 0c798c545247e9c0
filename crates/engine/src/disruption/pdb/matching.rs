//! Which PodDisruptionBudgets select a pod, without asking every budget about every pod.
//!
//! A budget is filed under one label that its pods must have, the one that fewest budgets of its namespace ask for; a
//! pod is looked up by its own labels. Only budgets that demand no label at all are asked about every pod.

use std::collections::BTreeMap;

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use rustc_hash::FxHashMap;

use supercargo_api::Pod;

use super::Pdb;

/// A pod that more budgets select is listed with the first so many only: two are too many already.
const MOST_LISTED: usize = 16;

/// Budgets by what their pods must have.
#[derive(Default)]
pub(in super::super) struct Matcher<'a> {
    namespaces: FxHashMap<&'a str, Namespace<'a>>,
}

#[derive(Default)]
struct Namespace<'a> {
    by_label: FxHashMap<(&'a str, &'a str), Vec<u32>>,
    by_key: FxHashMap<&'a str, Vec<u32>>,
    others: Vec<u32>,
}

/// What a label selector demands of every pod it selects.
enum Demand<'a> {
    Label(&'a str, Vec<&'a str>),
    Key(&'a str),
}

fn namespace_of(object: &PodDisruptionBudget) -> &str {
    object.metadata.namespace.as_deref().unwrap_or("default")
}

fn demands(object: &PodDisruptionBudget) -> Vec<Demand<'_>> {
    let Some(selector) = object.spec.as_ref().and_then(|spec| spec.selector.as_ref()) else {
        return Vec::new();
    };
    let labels = selector.match_labels.iter().flatten();
    let mut demands: Vec<Demand<'_>> =
        labels.map(|(key, value)| Demand::Label(key, vec![value.as_str()])).collect();
    for expression in selector.match_expressions.iter().flatten() {
        match expression.operator.as_str() {
            "In" => {
                let values = expression.values.iter().flatten().map(String::as_str).collect();
                demands.push(Demand::Label(&expression.key, values));
            }
            "Exists" => demands.push(Demand::Key(&expression.key)),
            _ => {}
        }
    }
    demands
}

impl<'a> Matcher<'a> {
    /// Files the budgets; the compiled ones stand beside their objects.
    pub(super) fn new(pdbs: &[Pdb], objects: &'a [PodDisruptionBudget]) -> Matcher<'a> {
        let mut wanted: FxHashMap<(&str, &str, &str), usize> = FxHashMap::default();
        for object in objects {
            for demand in demands(object) {
                if let Demand::Label(key, values) = demand {
                    for value in values {
                        *wanted.entry((namespace_of(object), key, value)).or_default() += 1;
                    }
                }
            }
        }
        let mut matcher = Matcher::default();
        for (index, object) in objects.iter().enumerate() {
            if pdbs[index].selector.selects_nothing() {
                continue;
            }
            let name = namespace_of(object);
            let namespace = matcher.namespaces.entry(name).or_default();
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let crowd = |demand: &Demand<'_>| match demand {
                Demand::Label(key, values) => {
                    values.iter().map(|value| wanted.get(&(name, *key, *value)).copied().unwrap_or(0)).sum()
                }
                // Any label is better than a mere key.
                Demand::Key(_) => usize::MAX,
            };
            match demands(object).into_iter().min_by_key(crowd) {
                Some(Demand::Label(key, mut values)) => {
                    values.sort_unstable();
                    values.dedup();
                    for value in values {
                        namespace.by_label.entry((key, value)).or_default().push(index);
                    }
                }
                Some(Demand::Key(key)) => namespace.by_key.entry(key).or_default().push(index),
                None => namespace.others.push(index),
            }
        }
        matcher
    }

    /// The budgets that select the pod, in order.
    pub(super) fn selecting(&self, pdbs: &[Pdb], pod: &Pod) -> Vec<u32> {
        let name = pod.metadata.namespace.as_deref().unwrap_or("default");
        let Some(namespace) = self.namespaces.get(name) else { return Vec::new() };
        let none = BTreeMap::new();
        let labels = pod.metadata.labels.as_ref().unwrap_or(&none);
        let filed = labels.iter().flat_map(|(key, value)| {
            let by_label = namespace.by_label.get(&(key.as_str(), value.as_str()));
            by_label.into_iter().chain(namespace.by_key.get(key.as_str())).flatten()
        });
        let mut found: Vec<u32> = filed
            .chain(&namespace.others)
            .copied()
            .filter(|pdb| pdbs[*pdb as usize].selector.matches(labels))
            .take(MOST_LISTED)
            .collect();
        found.sort_unstable();
        found
    }
}
