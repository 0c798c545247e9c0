//! From what classes state to groups.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use rustc_hash::FxHashMap;
use supercargo_api::labels;
use supercargo_api::selector::{Selector, WhenAbsent};

use crate::class::{PodClass, PodTerm, Spread};
use crate::fingerprint::selector_hash;
use crate::snapshot::Snapshot;

use super::counts::Strength;
use super::group::{Group, Rule};

/// Groups while they are found, each once.
pub(super) struct Collector<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) groups: Vec<Group>,
    pub(super) by_hash: FxHashMap<u64, Vec<u32>>,
}

impl Collector<'_> {
    pub(super) fn owned(
        &mut self,
        class: &PodClass,
        pending: bool,
        preferences: bool,
    ) -> Vec<(u32, Strength)> {
        let mut owned = Vec::new();
        for term in &class.anti_affinity {
            owned.push((self.term(term, Rule::AntiAffinity), Strength::Required));
        }
        if !pending {
            return owned;
        }
        for term in &class.affinity {
            owned.push((self.term(term, Rule::Affinity), Strength::Required));
        }
        for spread in class.spreads.iter().filter(|spread| spread.hard) {
            owned.push((self.spread(spread, class.rules), Strength::Required));
        }
        if !preferences {
            return owned;
        }
        for (order, (_, term)) in class.preferred_affinity.iter().enumerate() {
            owned.push((self.term(term, Rule::Affinity), Strength::PreferredAffinity(order as u16)));
        }
        for (order, (_, term)) in class.preferred_anti_affinity.iter().enumerate() {
            owned.push((self.term(term, Rule::AntiAffinity), Strength::PreferredAntiAffinity(order as u16)));
        }
        for (order, spread) in class.spreads.iter().filter(|spread| !spread.hard).enumerate() {
            owned.push((self.spread(spread, class.rules), Strength::SoftSpread(order as u16)));
        }
        owned
    }

    fn term(&mut self, term: &PodTerm, rule: Rule) -> u32 {
        let namespaces = match &term.namespace_selector {
            None => Some(term.namespaces.clone()),
            Some(selector) => {
                let all = selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
                    && selector.match_expressions.as_ref().is_none_or(Vec::is_empty);
                if all { None } else { Some(self.selected_namespaces(term, selector)) }
            }
        };
        self.group(rule, &term.key, namespaces, term.selector.as_ref())
    }

    fn selected_namespaces(&self, term: &PodTerm, selector: &LabelSelector) -> Vec<String> {
        let mut names = term.namespaces.clone();
        if let Ok(selector) = Selector::compile(selector) {
            let selected = self.snapshot.namespaces.iter().filter(|(_, labels)| selector.matches(labels));
            names.extend(selected.map(|(name, _)| name.clone()));
        }
        names.sort();
        names.dedup();
        names
    }

    fn spread(&mut self, spread: &Spread, rules: u32) -> u32 {
        let rule = Rule::Spread {
            max_skew: spread.max_skew,
            min_domains: spread.min_domains,
            honor_affinity: spread.honor_affinity,
            honor_taints: spread.honor_taints,
            rules: if spread.honor_affinity || spread.honor_taints { rules } else { 0 },
        };
        self.group(rule, &spread.key, Some(vec![spread.namespace.clone()]), spread.selector.as_ref())
    }

    fn group(
        &mut self,
        rule: Rule,
        key: &str,
        namespaces: Option<Vec<String>>,
        selector: Option<&LabelSelector>,
    ) -> u32 {
        let hash = selector_hash(selector);
        let candidates = self.by_hash.entry(hash).or_default();
        for candidate in candidates.iter() {
            let group = &self.groups[*candidate as usize];
            if group.rule == rule
                && group.key == key
                && group.namespaces == namespaces
                && group.raw.as_ref() == selector
            {
                return *candidate;
            }
        }
        let index = self.groups.len() as u32;
        candidates.push(index);
        self.groups.push(Group {
            rule,
            by_host: key == labels::HOSTNAME,
            key: key.to_owned(),
            namespaces,
            selector: Selector::compile_optional(selector, WhenAbsent::SelectNothing)
                .unwrap_or_else(|_| Selector::nothing()),
            raw: selector.cloned(),
            counts: BTreeMap::new(),
        });
        index
    }
}
