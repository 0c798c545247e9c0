//! What pods ask of labels, so that NodePools which leave a label open know what to offer.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::requirement::Requirement;

use crate::snapshot::Snapshot;

/// What pending pods ask of one label.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Values that somebody lists.
    pub values: BTreeSet<String>,
    /// Everything else that is asked: presence, exclusions, bounds.
    pub open: Vec<Requirement>,
    /// Somebody wants the label to be absent.
    pub absent: bool,
    /// The label is a topology key, so that every value is a domain of its own.
    pub is_topology: bool,
}

/// By label key, what pending pods ask for.
pub fn asked_labels(snapshot: &Snapshot) -> BTreeMap<String, Asked> {
    let mut asked: BTreeMap<String, Asked> = BTreeMap::new();
    let classes: BTreeSet<u32> =
        snapshot.pending.iter().map(|pod| snapshot.pods[*pod as usize].class).collect();
    let rules: BTreeSet<u32> = classes.iter().map(|class| snapshot.classes[*class as usize].rules).collect();
    for rules in rules {
        let rules = &snapshot.rules[rules as usize];
        let preferred = rules.preferred.iter().map(|(_, requirements)| requirements);
        for requirement in rules.alternatives.iter().chain(preferred).flat_map(|terms| terms.iter()) {
            let entry = asked.entry(requirement.key.clone()).or_default();
            entry.absent |= requirement.is_empty() && requirement.allows_absent();
            if !requirement.complement() {
                entry.values.extend(requirement.values().iter().cloned());
            } else if !entry.open.contains(requirement) {
                entry.open.push(requirement.clone());
            }
        }
    }
    for (index, class) in snapshot.classes.iter().enumerate() {
        // Anti-affinity of running pods keeps pending ones out of domains, too.
        let is_pending = classes.contains(&(index as u32));
        let terms = class.anti_affinity.iter().map(|term| &term.key);
        let others = class.affinity.iter().map(|term| &term.key);
        let preferred = class.preferred_affinity.iter().chain(&class.preferred_anti_affinity);
        let others = others.chain(preferred.map(|(_, term)| &term.key));
        let others = others.chain(class.spreads.iter().map(|spread| &spread.key));
        for key in terms.chain(others.filter(|_| is_pending)) {
            match asked.get_mut(key) {
                Some(entry) => entry.is_topology = true,
                None => {
                    asked.insert(key.clone(), Asked { is_topology: true, ..Asked::default() });
                }
            }
        }
    }
    asked
}

impl Asked {
    /// The values that a NodePool with this requirement offers; `None` for leaving the label out.
    ///
    /// Pods that do not care can use any of them, so there are no more than pods ask for, and at least one.
    pub fn offered(&self, requirement: &Requirement) -> BTreeSet<Option<String>> {
        let mut offered: BTreeSet<Option<String>> = BTreeSet::new();
        offered.extend(self.values.iter().filter(|value| requirement.has(value)).cloned().map(Some));
        if requirement.complement() {
            // One value for as many as possible of those who do not list any.
            let mut shared = requirement.clone();
            for open in &self.open {
                let both = shared.intersection(open);
                if made_up(&both).is_some() {
                    shared = both;
                }
            }
            offered.extend(made_up(&shared).map(Some));
            for open in &self.open {
                let satisfied = offered.iter().flatten().any(|value| open.has(value));
                offered.extend(made_up(&requirement.intersection(open)).filter(|_| !satisfied).map(Some));
            }
        } else {
            let wanted = |value: &&String| self.is_topology || self.open.iter().any(|open| open.has(value));
            offered.extend(requirement.values().iter().filter(wanted).cloned().map(Some));
        }
        if (self.absent || requirement.is_empty()) && requirement.allows_absent() {
            offered.insert(None);
        }
        if offered.is_empty() {
            offered.extend(
                requirement.values().first().filter(|_| !requirement.complement()).cloned().map(Some),
            );
        }
        offered
    }
}

/// A value that a requirement which lists none allows: Karpenter makes up a number when the NodePool leaves a label
/// open (reference section 2.5). Ours is the smallest, so that the same plan comes out every time.
fn made_up(requirement: &Requirement) -> Option<String> {
    if !requirement.complement() {
        return None;
    }
    let (gte, lte) = requirement.bounds();
    let first = gte.unwrap_or_else(|| lte.unwrap_or(1).min(1));
    // No more numbers can be excluded than are listed.
    let numbers = (first..=lte.unwrap_or(i64::MAX)).take(requirement.values().len() + 1);
    numbers
        .filter(|number| *number >= 0)
        .map(|number| number.to_string())
        .find(|value| requirement.has(value))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use supercargo_api::requirement::{Operator, Requirement};

    use super::*;

    fn requirement(text: &str) -> Requirement {
        let mut words = text.split_whitespace();
        let operator: Operator = words.next().unwrap().parse().unwrap();
        Requirement::new("team", operator, words.map(str::to_owned), None).unwrap()
    }

    fn asked(texts: &[&str]) -> Asked {
        let mut asked = Asked::default();
        for text in texts {
            if *text == "topology" {
                asked.is_topology = true;
                continue;
            }
            let requirement = requirement(text);
            asked.absent |= requirement.is_empty();
            asked.values.extend(requirement.values().iter().filter(|_| !requirement.complement()).cloned());
            if requirement.complement() {
                asked.open.push(requirement);
            }
        }
        asked
    }

    #[rstest]
    #[case::nobody_cares("In a b", &[], "a")]
    #[case::somebody_cares("In a b c", &["In b"], "b")]
    #[case::several_care("In a b c", &["In b", "In c x"], "b c")]
    #[case::somebody_wants_what_is_not_offered("In a b", &["In x"], "a")]
    #[case::any_will_do("In a b", &["Exists"], "a b")]
    #[case::all_but_one("In a b c", &["NotIn b"], "a c")]
    #[case::more_than_two("In 1 2 3", &["Gt 2"], "3")]
    #[case::spread_over("In a b c", &["topology"], "a b c")]
    #[case::open("Exists", &[], "1")]
    #[case::open_and_listed("Exists", &["In x y"], "1 x y")]
    #[case::open_and_excluded("Exists", &["NotIn 1", "NotIn 2"], "3")]
    #[case::open_and_bounded("Exists", &["Gt 7"], "8")]
    #[case::open_and_bounded_from_above("Exists", &["Lt 1"], "0")]
    #[case::open_to_nobody("Gt 5", &["Lt 5"], "6")]
    #[case::open_to_opposites("Exists", &["Gt 7", "Lt 3"], "1 8")]
    #[case::open_but_none_is_left("Exists", &["Lt 0"], "1")]
    #[case::bounded_and_open("Gt 4", &["Exists"], "5")]
    #[case::anything_but("NotIn 1", &[], "2")]
    #[case::anything_but_and_absent("NotIn 1", &["DoesNotExist"], "- 2")]
    #[case::present_and_absent("Exists", &["DoesNotExist"], "1")]
    #[case::left_out("DoesNotExist", &["In a"], "-")]
    fn a_pool_offers(#[case] pool: &str, #[case] pods: &[&str], #[case] expected: &str) {
        let offered = asked(pods).offered(&requirement(pool));
        let shown: Vec<&str> = offered.iter().map(|value| value.as_deref().unwrap_or("-")).collect();
        assert_eq!(shown.join(" "), expected);
    }
}
