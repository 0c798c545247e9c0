//! Which region and zones a plan is for: as told, or as the input tells.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::PersistentVolume;
use supercargo_api::labels::{self, closest};
use supercargo_api::requirement::Operator;
use supercargo_api::{NodePool, Objects};
use supercargo_catalog::Catalog;

use crate::exit::Failure;

/// The region when nothing tells: the one whose prices the catalogue has as AWS lists them.
pub const DEFAULT_REGION: &str = "us-east-1";

/// A region and the zones of it that count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `us-east-1`.
    pub region: String,
    /// The zones new nodes may be in; none for all of the region.
    pub zones: Option<Vec<String>>,
    /// Neither the arguments nor the input told the region.
    pub assumed: bool,
}

/// Decides the region: the argument, else the zones of the argument, else what nodes, volumes, NodeClasses and
/// NodePools of the input say, else [`DEFAULT_REGION`].
pub fn decide(
    region: Option<&str>,
    zones: &[String],
    objects: &Objects,
    catalog: &Catalog,
) -> Result<Place, Failure> {
    let mut place = match region {
        Some(region) => {
            check_region(region, catalog)?;
            Place { region: region.to_owned(), zones: None, assumed: false }
        }
        None => match zones.first().and_then(|zone| catalog.region_of_zone(zone)) {
            Some(region) => Place { region: region.to_owned(), zones: None, assumed: false },
            None => told_by(objects, catalog)?,
        },
    };
    if !zones.is_empty() {
        check_zones(zones, &place.region, catalog)?;
        place.zones = Some(zones.to_vec());
    }
    Ok(place)
}

/// Whether the catalogue knows a region.
pub(crate) fn check_region(region: &str, catalog: &Catalog) -> Result<(), Failure> {
    if catalog.regions().any(|known| known == region) {
        return Ok(());
    }
    let known: Vec<&str> = catalog.regions().collect();
    let help = match closest(region, known.iter().copied()) {
        Some(close) => format!("did you mean {close}?"),
        None => format!("known regions: {}", known.join(", ")),
    };
    Err(Failure::new(format!("unknown region {region:?}")).with_help(help))
}

fn check_zones(zones: &[String], region: &str, catalog: &Catalog) -> Result<(), Failure> {
    let known: Vec<&str> = catalog.zones(region).iter().map(|zone| zone.name.as_str()).collect();
    let unknown: Vec<&str> = zones.iter().map(String::as_str).filter(|zone| !known.contains(zone)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let what = if unknown.len() == 1 { "no zone" } else { "no zones" };
    Err(Failure::new(format!("{what} {} in {region}", unknown.join(", ")))
        .with_help(format!("zones of {region}: {}", known.join(", "))))
}

/// What the input says about its region. Facts (nodes, volumes, subnets) count before wishes (NodePools).
fn told_by(objects: &Objects, catalog: &Catalog) -> Result<Place, Failure> {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    let mut tell = |region: &str, witness: String| {
        if catalog.regions().any(|known| known == region) {
            told.entry(region.to_owned()).or_insert(witness);
        }
    };
    for node in &objects.nodes {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        for (key, value) in node.metadata.labels.iter().flatten() {
            if let Some(region) = region_of_label(key, value, catalog) {
                tell(region, format!("Node {name}"));
            }
        }
    }
    for claim in &objects.node_claims {
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        for (key, value) in claim.metadata.labels.iter().flatten() {
            if let Some(region) = region_of_label(key, value, catalog) {
                tell(region, format!("NodeClaim {name}"));
            }
        }
    }
    for volume in &objects.persistent_volumes {
        let name = volume.metadata.name.as_deref().unwrap_or_default();
        for (key, value) in volume_labels(volume) {
            if let Some(region) = region_of_label(key, value, catalog) {
                tell(region, format!("PersistentVolume {name}"));
            }
        }
    }
    for node_class in &objects.node_classes {
        let name = node_class.metadata.name.as_deref().unwrap_or_default();
        let status = node_class.status.as_ref();
        for subnet in status.and_then(|status| status.subnets.as_ref()).into_iter().flatten() {
            if let Some(region) = catalog.region_of_zone(&subnet.zone) {
                tell(region, format!("EC2NodeClass {name}"));
            }
        }
    }
    if told.is_empty() {
        for pool in &objects.node_pools {
            let name = pool.metadata.name.as_deref().unwrap_or_default();
            for (key, value) in wishes(pool) {
                if let Some(region) = region_of_label(&key, &value, catalog) {
                    told.entry(region.to_owned()).or_insert_with(|| format!("NodePool {name}"));
                }
            }
        }
    }
    let mut regions = told.into_iter();
    match (regions.next(), regions.next()) {
        (None, _) => Ok(Place { region: DEFAULT_REGION.to_owned(), zones: None, assumed: true }),
        (Some((region, _)), None) => Ok(Place { region, zones: None, assumed: false }),
        (Some((first, witness)), Some((second, other))) => Err(Failure::new(format!(
            "the input speaks of more than one region: {first} ({witness}) and {second} ({other})"
        ))
        .with_help("say which one the plan is for, with --region")),
    }
}

/// The labels of the nodes that a volume can be attached to, by key.
fn volume_labels(volume: &PersistentVolume) -> impl Iterator<Item = (&str, &str)> {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
    let terms = affinity
        .and_then(|affinity| affinity.required.as_ref())
        .map(|required| &required.node_selector_terms);
    let expressions = terms.into_iter().flatten().flat_map(|term| term.match_expressions.iter().flatten());
    let inclusive = expressions.filter(|expression| expression.operator == "In");
    inclusive.flat_map(|expression| {
        expression.values.iter().flatten().map(|value| (expression.key.as_str(), value.as_str()))
    })
}

/// The values a NodePool asks for, by key.
fn wishes(pool: &NodePool) -> BTreeSet<(String, String)> {
    let template = &pool.spec.template;
    let mut wishes: BTreeSet<(String, String)> = template.labels().clone().into_owned().into_iter().collect();
    for term in &template.spec.requirements {
        if term.operator == Operator::In {
            wishes.extend(term.values().iter().map(|value| (term.key.clone(), value.clone())));
        }
    }
    wishes
}

fn region_of_label<'c>(key: &str, value: &'c str, catalog: &'c Catalog) -> Option<&'c str> {
    match labels::normalize_label(key) {
        labels::REGION => Some(value),
        labels::ZONE => catalog.region_of_zone(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;
    use rstest::rstest;

    use super::*;

    fn node(name: &str, zone: &str) -> Node {
        let mut node = Node::default();
        node.metadata.name = Some(name.to_owned());
        node.metadata.labels = Some([(labels::ZONE.to_owned(), zone.to_owned())].into());
        node
    }

    fn decided(region: Option<&str>, zones: &[&str], nodes: &[(&str, &str)]) -> Result<Place, Failure> {
        let objects = Objects {
            nodes: nodes.iter().map(|(name, zone)| node(name, zone)).collect(),
            ..Objects::default()
        };
        let zones: Vec<String> = zones.iter().map(|zone| (*zone).to_owned()).collect();
        decide(region, &zones, &objects, Catalog::embedded())
    }

    #[rstest]
    #[case::nothing_tells(None, &[], &[], "us-east-1", true)]
    #[case::nodes_tell(None, &[], &[("a", "eu-west-1a")], "eu-west-1", false)]
    #[case::zones_of_the_argument_tell(None, &["eu-central-1b"], &[("a", "eu-west-1a")], "eu-central-1", false)]
    #[case::the_argument_wins(Some("ap-south-1"), &[], &[("a", "eu-west-1a")], "ap-south-1", false)]
    fn the_region_is_what_is_told_first(
        #[case] region: Option<&str>,
        #[case] zones: &[&str],
        #[case] nodes: &[(&str, &str)],
        #[case] expected: &str,
        #[case] assumed: bool,
    ) {
        let place = decided(region, zones, nodes).unwrap();
        assert_eq!((place.region.as_str(), place.assumed), (expected, assumed));
        assert_eq!(place.zones.is_some(), !zones.is_empty());
    }

    #[test]
    fn a_volume_tells_its_region() {
        let text = r#"{"metadata": {"name": "pv"}, "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": ["eu-west-2b"]}]}
        ]}}}}"#;
        let volume: PersistentVolume = serde_json::from_str(text).unwrap();
        let objects = Objects { persistent_volumes: vec![volume], ..Objects::default() };
        let place = decide(None, &[], &objects, Catalog::embedded()).unwrap();
        assert_eq!((place.region.as_str(), place.assumed), ("eu-west-2", false));
    }

    #[rstest]
    #[case::a_typo(Some("us-est-1"), &[], &[], "unknown region \"us-est-1\"", "did you mean us-east-1?")]
    #[case::a_zone_elsewhere(
        Some("us-east-1"), &["us-east-1a", "eu-west-1a"], &[],
        "no zone eu-west-1a in us-east-1",
        "zones of us-east-1: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f"
    )]
    #[case::two_regions(
        None, &[], &[("a", "eu-west-1a"), ("b", "us-east-1a")],
        "the input speaks of more than one region: eu-west-1 (Node a) and us-east-1 (Node b)",
        "say which one the plan is for, with --region"
    )]
    fn what_cannot_be_decided_is_explained(
        #[case] region: Option<&str>,
        #[case] zones: &[&str],
        #[case] nodes: &[(&str, &str)],
        #[case] problem: &str,
        #[case] help: &str,
    ) {
        let failure = decided(region, zones, nodes).unwrap_err();
        assert_eq!((failure.problem.as_str(), failure.help.as_deref()), (problem, Some(help)));
    }
}
