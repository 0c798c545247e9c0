//! What if every NodePool allowed spot, too?

use supercargo_api::requirement::Operator;
use supercargo_api::{NodePool, Objects, labels};

const SPOT: &str = "spot";

/// Lets NodePools that insist on other capacity types have spot as well.
pub fn allow_spot(objects: &mut Objects) {
    objects.node_pools.iter_mut().for_each(allow_in);
}

fn allow_in(pool: &mut NodePool) {
    let requirements = &mut pool.spec.template.spec.requirements;
    for term in requirements.iter_mut().filter(|term| term.key == labels::CAPACITY_TYPE) {
        match term.operator {
            Operator::In => {
                let values = term.values.get_or_insert_with(Vec::new);
                if !values.iter().any(|value| value == SPOT) {
                    values.push(SPOT.to_owned());
                }
            }
            Operator::NotIn => {
                if let Some(values) = &mut term.values {
                    values.retain(|value| value != SPOT);
                }
            }
            _ => {}
        }
    }
    // without values left, NotIn would say something else
    requirements.retain(|term| term.operator != Operator::NotIn || !term.values().is_empty());
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::only_on_demand(json!({"operator": "In", "values": ["on-demand"]}), json!({"operator": "In", "values": ["on-demand", "spot"]}))]
    #[case::both(json!({"operator": "In", "values": ["spot", "on-demand"]}), json!({"operator": "In", "values": ["spot", "on-demand"]}))]
    #[case::not_spot(json!({"operator": "NotIn", "values": ["spot"]}), json!(null))]
    #[case::neither_spot_nor_reserved(json!({"operator": "NotIn", "values": ["spot", "reserved"]}), json!({"operator": "NotIn", "values": ["reserved"]}))]
    #[case::any(json!({"operator": "Exists"}), json!({"operator": "Exists"}))]
    fn a_node_pool_comes_to_allow_spot(#[case] term: serde_json::Value, #[case] expected: serde_json::Value) {
        let with_key = |mut term: serde_json::Value| {
            if !term.is_null() {
                term["key"] = json!(labels::CAPACITY_TYPE);
            }
            term
        };
        let reference = json!({"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"});
        let pool = json!({
            "metadata": {"name": "general"},
            "spec": {"template": {"spec": {"nodeClassRef": reference, "requirements": [with_key(term)]}}},
        });
        let mut objects =
            Objects { node_pools: vec![serde_json::from_value(pool).unwrap()], ..Objects::default() };
        allow_spot(&mut objects);
        let found = serde_json::to_value(&objects.node_pools[0].spec.template.spec.requirements).unwrap();
        let expected = if expected.is_null() { json!([]) } else { json!([with_key(expected)]) };
        assert_eq!(found, expected);
    }
}
