//! Which values of labels pods ask for, so that NodePools which leave a label open know what to offer.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::Snapshot;

/// The values that pending pods ask for, by label key.
pub fn asked_values(snapshot: &Snapshot) -> BTreeMap<String, BTreeSet<String>> {
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let classes: BTreeSet<u32> =
        snapshot.pending.iter().map(|pod| snapshot.pods[*pod as usize].class).collect();
    let rules: BTreeSet<u32> = classes.iter().map(|class| snapshot.classes[*class as usize].rules).collect();
    for rules in rules {
        let rules = &snapshot.rules[rules as usize];
        let preferred = rules.preferred.iter().map(|(_, requirements)| requirements);
        for requirement in rules.alternatives.iter().chain(preferred).flat_map(|terms| terms.iter()) {
            if !requirement.complement() {
                let values = asked.entry(requirement.key.clone()).or_default();
                values.extend(requirement.values().iter().cloned());
            }
        }
    }
    asked
}
