//! The page about disruption is true: its manifests are valid, they do what it says they do, and every code is on it.

#![allow(clippy::unwrap_used, reason = "a test program")]

mod dump;

use jiff::Timestamp;
use rstest::rstest;
use serde_json::json;
use supercargo_api::manifest::{SourceFile, read};
use supercargo_engine::disruption::{
    Annotated, BlockReason, Disruption, DisruptionOptions, DisruptionReason,
};
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};

use dump::{Dump, at, now};

const PAGE: &str = include_str!("../../../docs/disruption.md");

fn manifests() -> Vec<&'static str> {
    let blocks = PAGE.split("```yaml\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0).collect()
}

#[test]
fn its_manifests_are_valid() {
    let node_class = r#"{"apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {"role": "node", "amiSelectorTerms": [{"alias": "al2023@latest"}],
                 "subnetSelectorTerms": [{"id": "subnet-1"}], "securityGroupSelectorTerms": [{"id": "sg-1"}]}}"#;
    assert_eq!(manifests().len(), 4);
    for (index, text) in manifests().into_iter().enumerate() {
        let sources = [
            SourceFile::new(format!("block-{index}.yaml"), text),
            SourceFile::new("node-class.json".to_owned(), node_class),
        ];
        let (_, diagnostics, _) = read(&sources);
        assert!(diagnostics.is_empty(), "{text}\n{diagnostics:?}");
    }
}

/// `trading`: a fifth of the nodes, two for drift, and none while the exchange is open, unless it is empty.
#[rstest]
#[case::at_night("2026-11-24T05:00:00Z", DisruptionReason::Underutilized, 6)]
#[case::at_night("2026-11-24T05:00:00Z", DisruptionReason::Drifted, 2)]
#[case::at_ten_in_new_york("2026-11-24T15:00:00Z", DisruptionReason::Underutilized, 0)]
#[case::at_ten_in_new_york("2026-11-24T15:00:00Z", DisruptionReason::Drifted, 0)]
#[case::at_ten_in_new_york("2026-11-24T15:00:00Z", DisruptionReason::Empty, 6)]
#[case::half_past_nine_in_summer("2026-07-24T13:30:00Z", DisruptionReason::Underutilized, 0)]
#[case::half_past_eight_in_winter("2026-11-24T13:30:00Z", DisruptionReason::Underutilized, 6)]
#[case::on_sunday("2026-11-22T15:00:00Z", DisruptionReason::Underutilized, 6)]
fn its_budgets_do_what_it_says(
    #[case] moment: &str,
    #[case] reason: DisruptionReason,
    #[case] expected: u32,
) {
    let text = manifests().into_iter().find(|text| text.contains("name: trading")).unwrap();
    let (mut objects, ..) = read(&[SourceFile::new("pool.yaml".to_owned(), text)]);
    let mut dump = Dump::new();
    for index in 0..30 {
        let labels = json!({ "metadata": { "labels": { "karpenter.sh/nodepool": "trading" } } });
        dump = dump.with_node(&format!("n{index}"), labels.clone(), labels);
    }
    let nodes = dump.objects();
    (objects.nodes, objects.node_claims) = (nodes.nodes, nodes.node_claims);
    let snapshot = Snapshot::build(&objects, &dump::market(), &SnapshotOptions::default());
    let judged = Disruption::build(&objects, &snapshot, &DisruptionOptions::at(at(moment)));
    assert_eq!(judged.budgets[0].allowed(reason).nodes, expected);
}

#[test]
fn every_code_is_explained_once() {
    let text = String::new;
    let reasons = [
        BlockReason::NotManaged,
        BlockReason::NoNodeYet,
        BlockReason::Leaving,
        BlockReason::NotInitialized,
        BlockReason::Held { why: String::from("pods are on their way to it"), until: Timestamp::UNIX_EPOCH },
        BlockReason::PoolNotFound { pool: text() },
        BlockReason::TypesUnknown { pool: text(), node_class: text() },
        BlockReason::StaticPool { pool: text() },
        BlockReason::LabelMissing { label: "" },
        BlockReason::TypeNotFound { instance_type: text() },
        BlockReason::NodeDoNotDisrupt { on: Annotated::Node },
        BlockReason::ConsolidationOff { pool: text() },
        BlockReason::WhenEmpty { pool: text() },
        BlockReason::NotEmpty { pods: 1 },
        BlockReason::PodDoNotDisrupt { pod: text(), until: None },
        BlockReason::SeveralPdbs { pod: text(), pdbs: Vec::new() },
        BlockReason::Pdb { pdb: text(), why: text(), pod: text(), pods: 1 },
        BlockReason::ConsolidateAfter { pool: text(), after: text(), ends: Timestamp::UNIX_EPOCH },
    ];
    assert!(reasons.is_sorted(), "listed from the most fundamental on");
    let mut place = 0;
    for reason in &reasons {
        let row = format!("\n| `{}` |", reason.code());
        assert_eq!(PAGE.matches(&row).count(), 1, "{}", reason.code());
        let found = PAGE.find(&row).unwrap();
        assert!(found > place, "{} stands in the order of the reasons", reason.code());
        place = found;
        assert!(!reason.unlock().is_empty() && !reason.to_string().is_empty());
    }
}

#[test]
fn the_protected_pod_of_the_page_is_protected_for_four_hours() {
    let text = manifests().into_iter().find(|text| text.contains("nightly-report")).unwrap();
    let (read_objects, ..) = read(&[SourceFile::new("pod.yaml".to_owned(), text)]);
    let mut objects = Dump::new().with_node("n1", json!({}), json!({})).objects();
    objects.pods = read_objects.pods;
    objects.pods[0].set_node_name(Some("n1"));
    let snapshot = Snapshot::build(&objects, &dump::market(), &SnapshotOptions::default());
    let judged = Disruption::build(&objects, &snapshot, &DisruptionOptions::at(now()));
    let against = judged.rooms[0].candidate.as_ref().unwrap_err().to_string();
    assert_eq!(against, "pod default/nightly-report is do-not-disrupt until 2026-11-23 16:00 UTC");
}
