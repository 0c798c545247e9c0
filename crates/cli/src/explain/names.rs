//! Whom a name means, and whom it may have meant.

use supercargo_api::Objects;
use supercargo_api::labels::closest;

use super::arguments::Subject;
use crate::exit::Failure;

/// How many names a hint lists.
const LISTED: usize = 5;

/// The names of all objects of a kind.
pub fn names(subject: Subject, objects: &Objects) -> Vec<String> {
    let metadata: Vec<_> = match subject {
        Subject::Pod => objects.pods.iter().map(|pod| &*pod.metadata).collect(),
        Subject::Node => {
            let nodes = objects.nodes.iter().map(|node| &node.metadata);
            nodes.chain(objects.node_claims.iter().map(|claim| &claim.metadata)).collect()
        }
        Subject::NodePool => objects.node_pools.iter().map(|pool| &pool.metadata).collect(),
    };
    let named = metadata.into_iter().map(|metadata| {
        let name = metadata.name.as_deref().unwrap_or_default();
        match (subject, metadata.namespace.as_deref()) {
            (Subject::Pod, namespace) => format!("{}/{name}", namespace.unwrap_or("default")),
            _ => name.to_owned(),
        }
    });
    named.collect()
}

/// The name as it is in the input: of a pod without a namespace, that of `default`.
pub fn full_name(subject: Subject, name: &str) -> String {
    if subject == Subject::Pod && !name.contains('/') { format!("default/{name}") } else { name.to_owned() }
}

/// Nobody has this name; somebody may have been meant.
pub fn unknown(subject: Subject, name: &str, names: &[String]) -> Failure {
    let kind = subject.kind();
    let failure = Failure::new(format!("no {kind} {name} in the input"));
    if names.is_empty() {
        return failure.with_help(format!("there is no {kind} in the input at all"));
    }
    failure.with_help(match meant(name, names) {
        Some(meant) => format!("did you mean {meant}?"),
        None => {
            let shown: Vec<&str> = names.iter().take(LISTED).map(String::as_str).collect();
            let more = match names.len().saturating_sub(LISTED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{kind}s of the input: {}{more}", shown.join(", "))
        }
    })
}

/// The same name elsewhere, a misspelt one, or one that only begins or ends like this.
fn meant<'n>(name: &str, names: &'n [String]) -> Option<&'n str> {
    let all = || names.iter().map(String::as_str);
    let bare = name.rsplit('/').next().unwrap_or(name);
    let own = |full: &&str| full.rsplit('/').next() == Some(bare);
    if let Some(same) = all().find(own) {
        return Some(same);
    }
    if let Some(close) = closest(name, all()) {
        return Some(close);
    }
    // pods are known by the workloads that made them
    if let Some(close) = closest(name, all().map(stem)) {
        return all().find(|full| stem(full) == close);
    }
    let longer = |full: &&str| {
        full.starts_with(name) || full.rsplit('/').next().is_some_and(|own| own.starts_with(bare))
    };
    (!bare.is_empty()).then(|| all().find(longer)).flatten()
}

/// `shop/web` of `shop/web-5d4f8c7b9-4tqzx`; a name with fewer parts is its own stem.
fn stem(name: &str) -> &str {
    name.rsplitn(3, '-').nth(2).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::another_namespace("default/web-0", Some("shop/web-0"))]
    #[case::a_letter_wrong("shop/wep-1x7", Some("shop/web-1x7"))]
    #[case::the_beginning_of_a_name("shop/checkout", Some("shop/checkout-5d4f8c7b9-4tqzx"))]
    #[case::the_beginning_without_its_namespace("checkout", Some("shop/checkout-5d4f8c7b9-4tqzx"))]
    #[case::a_workload_with_a_letter_wrong("shop/chekout", Some("shop/checkout-5d4f8c7b9-4tqzx"))]
    #[case::nothing_like_it("kube-system/dns", None)]
    fn a_name_that_nobody_has_may_mean_another(#[case] name: &str, #[case] expected: Option<&str>) {
        let names = ["shop/web-0", "shop/web-1x7", "shop/checkout-5d4f8c7b9-4tqzx"].map(str::to_owned);
        assert_eq!(meant(name, &names), expected);
    }

    #[test]
    fn without_a_hint_some_names_are_listed() {
        let names: Vec<String> = (0..7).map(|index| format!("pool-{index}")).collect();
        let failure = unknown(Subject::NodePool, "x", &names);
        assert_eq!(
            (failure.problem.as_str(), failure.help.as_deref()),
            (
                "no NodePool x in the input",
                Some("NodePools of the input: pool-0, pool-1, pool-2, pool-3, pool-4 and 2 more")
            )
        );
        let failure = unknown(Subject::Node, "x", &[]);
        assert_eq!(failure.help.as_deref(), Some("there is no node in the input at all"));
    }
}
