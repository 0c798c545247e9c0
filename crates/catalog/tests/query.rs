//! The catalogue query: what conditions leave, what they remove, and in which order the rest stands.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use jiff::civil::date;
use rstest::rstest;
use serde_json::json;
use supercargo_api::NodePool;
use supercargo_catalog::query::{Answer, Filter, InstanceTypeList, NodePoolFilters, Order, Query, Span};
use supercargo_catalog::{CapacityType, Catalog, PriceOverrides};

const EXAMPLE: &str = "4..8";

fn span(text: &str) -> Span {
    Span::parse(text, EXAMPLE).unwrap()
}

fn ask(selectors: &[&str], change: impl FnOnce(&mut Query<'static>)) -> Answer<'static> {
    let mut query = Query::new(Catalog::embedded(), "us-east-1");
    for selector in selectors {
        query.filters.extend(Filter::selector(selector).unwrap());
    }
    change(&mut query);
    query.answer()
}

fn names<'a>(answer: &'a Answer<'_>) -> Vec<&'a str> {
    answer.matches.iter().map(|found| found.instance_type.name.as_str()).collect()
}

#[test]
fn without_conditions_everything_sold_in_the_region_is_found_cheapest_first() {
    let answer = ask(&[], |_| {});
    assert_eq!(answer.matches.len(), answer.total);
    let prices: Vec<_> =
        answer.matches.iter().map(|found| found.cheapest_offering(None).unwrap().price).collect();
    assert!(prices.is_sorted());
}

#[rstest]
#[case::category("karpenter.k8s.aws/instance-category in (m,c,r)", "m5.large", "t3.large")]
#[case::not_in("karpenter.k8s.aws/instance-family notin (t3,t3a)", "t4g.large", "t3.large")]
#[case::greater("karpenter.k8s.aws/instance-generation>6", "m7i.large", "m6i.large")]
#[case::at_most("karpenter.k8s.aws/instance-cpu<=4", "m5.xlarge", "m5.2xlarge")]
#[case::exists("karpenter.k8s.aws/instance-gpu-count", "g5.xlarge", "m5.large")]
#[case::absent("!karpenter.k8s.aws/instance-gpu-count", "m5.large", "g5.xlarge")]
#[case::equal("kubernetes.io/arch=arm64", "m7g.large", "m7i.large")]
#[case::unequal("kubernetes.io/arch!=arm64", "m7i.large", "m7g.large")]
#[case::alias("beta.kubernetes.io/arch=arm64", "m7g.large", "m7i.large")]
#[case::capacity_type("karpenter.sh/capacity-type=spot", "m5.large", "u7i-12tb.224xlarge")]
#[case::zone("topology.kubernetes.io/zone=us-east-1e", "m4.large", "m7i.large")]
fn a_requirement_selects_by_the_labels_of_types_and_offerings(
    #[case] selector: &str,
    #[case] within: &str,
    #[case] without: &str,
) {
    let answer = ask(&[selector], |_| {});
    let found = names(&answer);
    assert!(found.contains(&within), "{within}");
    assert!(!found.contains(&without), "{without}");
}

#[test]
fn amounts_select_by_range() {
    let answer = ask(&[], |query| {
        query.filters = vec![
            Filter::vcpus(span("4..8"), "--vcpus 4..8"),
            Filter::memory(span("8Gi..16Gi"), "--memory 8Gi..16Gi"),
            Filter::gpus(span("0"), "--gpus 0"),
        ];
    });
    assert!(!answer.matches.is_empty());
    for found in &answer.matches {
        assert!((4..=8).contains(&found.facts.vcpus));
        assert!((8192..=16384).contains(&found.facts.memory_mib));
        assert!(found.facts.gpus.iter().all(|gpu| gpu.count == 0));
    }
}

#[test]
fn each_condition_tells_what_it_removes_alone_and_what_is_left_in_order() {
    let answer = ask(&["karpenter.k8s.aws/instance-category in (m,c)", "kubernetes.io/arch=arm64"], |_| {});
    let [category, arch] = answer.effects.as_slice() else { panic!("{:?}", answer.effects) };
    assert_eq!(category.filter, "karpenter.k8s.aws/instance-category In [c m]");
    assert_eq!(category.left, answer.total - category.removes);
    assert_eq!(arch.left, answer.matches.len());
    assert!(arch.left < answer.total - arch.removes);
}

#[test]
fn conditions_on_offerings_must_hold_for_the_same_offering() {
    let both = ["topology.kubernetes.io/zone=us-east-1e", "karpenter.sh/capacity-type=spot"];
    for found in ask(&both, |_| {}).matches {
        for offering in &found.instance_type.offerings {
            assert_eq!((offering.zone.as_str(), offering.capacity_type), ("us-east-1e", CapacityType::Spot));
        }
    }
    let contradiction = ["topology.kubernetes.io/zone=us-east-1a", "topology.kubernetes.io/zone=us-east-1b"];
    let answer = ask(&contradiction, |_| {});
    assert!(answer.matches.is_empty());
    assert_eq!(answer.effects[1].left, 0);
}

#[rstest]
#[case("name", "a1.medium", "z1d.metal")]
#[case("vcpus", "a1.medium", "u7in-32tb.224xlarge")]
#[case("memory", "t2.nano", "u7in-32tb.224xlarge")]
fn the_order_can_be_chosen(#[case] order: &str, #[case] first: &str, #[case] last: &str) {
    let answer = ask(&[], |query| {
        query.model.ami_family = supercargo_api::AmiFamily::AL2;
        query.order = order.parse().unwrap();
    });
    let names = names(&answer);
    assert_eq!((names[0], names[names.len() - 1]), (first, last));
}

#[test]
fn spot_order_puts_types_without_spot_last_and_price_per_vcpu_divides() {
    let spot = ask(&[], |query| query.order = Order::SpotPrice);
    let has_spot: Vec<bool> = spot
        .matches
        .iter()
        .map(|found| found.cheapest_offering(Some(CapacityType::Spot)).is_some())
        .collect();
    assert!(has_spot.is_sorted_by(|left, right| left >= right));
    assert!(has_spot.contains(&false));
    let per_vcpu = ask(&[], |query| query.order = Order::PricePerVcpu);
    let ratios: Vec<f64> = per_vcpu
        .matches
        .iter()
        .map(|found| found.cheapest_offering(None).unwrap().price.as_f64() / f64::from(found.facts.vcpus))
        .collect();
    assert!(ratios.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
}

#[test]
fn the_requirements_and_labels_of_a_node_pool_are_conditions_and_its_own_labels_are_not() {
    let node_pool: NodePool = serde_json::from_value(json!({
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": { "name": "general" },
        "spec": { "template": {
            "metadata": { "labels": { "kubernetes.io/arch": "arm64", "team": "shop" } },
            "spec": {
                "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
                "requirements": [
                    { "key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m7g", "c7g", "m7i"], "minValues": 3 },
                    { "key": "example.com/rack", "operator": "Exists" },
                ],
            },
        } },
    }))
    .unwrap();
    let found = NodePoolFilters::of(&node_pool).unwrap();
    assert_eq!(found.other_keys, ["example.com/rack", "team"]);
    let answer = ask(&[], |query| query.filters = found.filters);
    assert!(answer.matches.iter().all(|found| ["c7g", "m7g"].contains(&found.facts.family())));
    let [min_values] = answer.min_values.as_slice() else { panic!("{:?}", answer.min_values) };
    assert_eq!((min_values.wanted, min_values.found), (3, 2));
}

#[rstest]
#[case(
    "karpenter.k8s.aws/instance-categori in (m)",
    "\"karpenter.k8s.aws/instance-categori in (m)\": no instance type has the label karpenter.k8s.aws/instance-categori; \
     did you mean karpenter.k8s.aws/instance-category?"
)]
#[case(
    "team=shop",
    "\"team=shop\": no instance type has the label team; expected a well-known label such as \
     karpenter.k8s.aws/instance-category"
)]
#[case(
    "karpenter.sh/nodepool=general",
    "\"karpenter.sh/nodepool=general\": no instance type has the label \
     karpenter.sh/nodepool; expected a well-known label such as karpenter.k8s.aws/instance-category"
)]
fn a_label_that_no_type_has_is_refused_with_a_hint(#[case] selector: &str, #[case] problem: &str) {
    assert_eq!(Filter::selector(selector).unwrap_err().to_string(), problem);
}

#[test]
fn a_selector_that_does_not_read_is_refused() {
    let problem = Filter::selector("kubernetes.io/arch in (arm64").unwrap_err().to_string();
    assert!(problem.starts_with("\"kubernetes.io/arch in (arm64\": "), "{problem}");
}

#[test]
fn prices_the_user_gives_decide_the_order_and_stand_in_the_document() {
    let csv = "type,capacityType,price,date\nm5.24xlarge,on-demand,0.00001,2026-11-20\n";
    let overrides = PriceOverrides::parse("p.csv", csv, Catalog::embedded()).unwrap();
    let mut query = Query::new(Catalog::embedded(), "us-east-1");
    query.overrides = Some((&overrides, date(2026, 11, 23)));
    let answer = query.answer();
    assert_eq!(names(&answer)[0], "m5.24xlarge");
    let list = InstanceTypeList::new(&query, &answer, Some(1));
    let document = serde_json::to_value(&list).unwrap();
    assert_eq!(
        document["items"][0]["cheapest"]["on-demand"],
        json!({
            "price": "0.00001",
            "priced": { "kind": "live", "date": "2026-11-20" },
        })
    );
    assert_eq!(document["metadata"]["shown"], 1);
}

#[test]
fn the_document_of_a_type_is_as_documented() {
    let selectors = ["node.kubernetes.io/instance-type=g5.xlarge", "topology.kubernetes.io/zone=us-east-1a"];
    let mut query = Query::new(Catalog::embedded(), "us-east-1");
    for selector in selectors {
        query.filters.extend(Filter::selector(selector).unwrap());
    }
    let answer = query.answer();
    let list = InstanceTypeList::new(&query, &answer, None);
    insta::assert_snapshot!(serde_json::to_string_pretty(&list).unwrap());
}
