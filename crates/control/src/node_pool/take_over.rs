//! Claims whose digests are of another version: of Karpenter, or of an earlier release (reference rows 9.2-20 and 9.3).

use std::collections::BTreeMap;

use supercargo_api::condition_types::DRIFTED;
use supercargo_api::{NodeClaim, is_true};

use crate::digest::VERSION;

/// The claim with a digest of our version; nothing if it has one already. `owner` are the annotations of its NodePool or
/// NodeClass.
///
/// A claim that has drifted keeps the digest it has, which then differs from the owner's: it stays drifted. It has
/// drifted if a condition says so, or if the owner still bears a digest of the claim's version and it is another.
pub fn take_over(
    claim: &NodeClaim,
    owner: Option<&BTreeMap<String, String>>,
    hash_key: &str,
    version_key: &str,
    digest: &str,
) -> Option<NodeClaim> {
    let of_claim = |key: &str| claim.metadata.annotations.as_ref().and_then(|all| all.get(key));
    if of_claim(version_key).is_some_and(|version| version == VERSION) {
        return None;
    }
    let of_owner = |key: &str| owner.and_then(|all| all.get(key));
    let differs = of_claim(version_key).is_some()
        && of_claim(version_key) == of_owner(version_key)
        && of_claim(hash_key).zip(of_owner(hash_key)).is_some_and(|(claimed, current)| claimed != current);
    let has_drifted = differs || is_true(claim.conditions(), DRIFTED);
    let mut taken = claim.clone();
    let annotations = taken.metadata.annotations.get_or_insert_default();
    annotations.insert(version_key.to_owned(), VERSION.to_owned());
    if !has_drifted || !annotations.contains_key(hash_key) {
        annotations.insert(hash_key.to_owned(), digest.to_owned());
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;
    use supercargo_api::labels::keys::{NODEPOOL_HASH, NODEPOOL_HASH_VERSION};

    use super::*;

    #[rstest]
    #[case::of_karpenter_and_as_its_pool(Some(("1", "v3")), Some(("1", "v3")), false, Some("new"))]
    #[case::of_karpenter_and_drifted_since(Some(("1", "v3")), Some(("2", "v3")), false, Some("1"))]
    #[case::drifted_as_its_condition_says(Some(("1", "v3")), Some(("1", "v3")), true, Some("1"))]
    #[case::of_an_older_karpenter(Some(("1", "v2")), Some(("2", "v3")), false, Some("new"))]
    #[case::without_any(None, Some(("2", "v3")), false, Some("new"))]
    #[case::of_a_pool_without_any(Some(("1", "v3")), None, false, Some("new"))]
    #[case::drifted_otherwise_and_without_any(None, None, true, Some("new"))]
    #[case::ours_already(Some(("1", VERSION)), Some(("2", VERSION)), false, None)]
    fn a_claim_is_taken_over(
        #[case] claimed: Option<(&str, &str)>,
        #[case] current: Option<(&str, &str)>,
        #[case] drifted: bool,
        #[case] expected: Option<&str>,
    ) {
        let stamps = |of: Option<(&str, &str)>| {
            of.map(|(hash, version)| json!({NODEPOOL_HASH: hash, NODEPOOL_HASH_VERSION: version}))
        };
        let conditions = if drifted { json!([{"type": "Drifted", "status": "True"}]) } else { json!([]) };
        let claim: NodeClaim = serde_json::from_value(json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
            "metadata": {"name": "a", "annotations": stamps(claimed)},
            "spec": {"nodeClassRef": {"group": "g", "kind": "k", "name": "n"}, "requirements": []},
            "status": {"conditions": conditions},
        }))
        .unwrap();
        let owner: Option<BTreeMap<String, String>> =
            stamps(current).map(|value| serde_json::from_value(value).unwrap());
        let taken = take_over(&claim, owner.as_ref(), NODEPOOL_HASH, NODEPOOL_HASH_VERSION, "new");
        let annotations = taken.and_then(|taken| taken.metadata.annotations);
        assert_eq!(annotations.as_ref().map(|all| all[NODEPOOL_HASH].as_str()), expected);
        if let Some(all) = annotations {
            assert_eq!(all[NODEPOOL_HASH_VERSION], VERSION);
        }
    }
}
