//! The expansion of workloads: desired pods minus those that are there, each counted once.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use std::collections::BTreeSet;

use rstest::rstest;
use supercargo_api::Objects;
use supercargo_api::Pod;
use supercargo_api::manifest::{SourceFile, read};
use supercargo_api::workloads::expand;

fn objects(text: &str) -> Objects {
    let (objects, diagnostics, _) = read(&[SourceFile::new("input.yaml", text)]);
    assert!(diagnostics.iter().all(|diagnostic| !diagnostic.is_error()), "{diagnostics:#?}");
    objects
}

/// The names of the pods that expansion adds, in order.
fn added(text: &str) -> Vec<String> {
    let mut objects = objects(text);
    let before = objects.pods.len();
    expand(&mut objects);
    let names = objects.pods[before..].iter().map(name).collect();

    let all = objects.clone();
    expand(&mut objects);
    assert!(objects == all, "expanding again adds nothing");
    names
}

fn name(pod: &Pod) -> String {
    format!("{}/{}", pod.metadata.namespace.as_deref().unwrap(), pod.metadata.name.as_deref().unwrap())
}

const SPEC: &str = "{containers: [{name: main, image: x}]}";
const JOB_SPEC: &str = "{restartPolicy: Never, containers: [{name: main, image: x}]}";

fn deployment(name: &str, replicas: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, uid: uid-{name}}}\nspec: {{{replicas} selector: \
         {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {SPEC}}}}}\n---\n"
    )
}

fn replica_set(name: &str, replicas: u32, hash: &str, owner: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: {name}-{hash}, uid: uid-{name}-{hash}, \
         labels: {{pod-template-hash: {hash}}}, annotations: {{deployment.kubernetes.io/revision: \"{replicas}\"}}{owner}}}\n\
         spec: {{replicas: {replicas}, selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: \
         {name}}}}}, spec: {SPEC}}}}}\n---\n"
    )
}

fn owned_by(kind: &str, name: &str, uid: &str) -> String {
    format!(
        ", ownerReferences: [{{apiVersion: x/v1, kind: {kind}, name: {name}, uid: \"{uid}\", controller: true}}]"
    )
}

fn pod(name: &str, more: &str, phase: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}{more}}}\nspec: {SPEC}\nstatus: {{phase: {phase}}}\n---\n"
    )
}

#[rstest]
#[case::as_many_as_it_says("replicas: 3,", &["default/web-0", "default/web-1", "default/web-2"])]
#[case::one_when_it_does_not_say("", &["default/web-0"])]
#[case::none_for_zero("replicas: 0,", &[])]
fn a_deployment_becomes_pods(#[case] replicas: &str, #[case] expected: &[&str]) {
    assert_eq!(added(&deployment("web", replicas)), expected);
}

#[test]
fn a_pod_is_like_the_template_pending_and_owned() {
    let mut objects = objects(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop, uid: u1}\nspec:\n  replicas: 1\n  \
         selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}, annotations: {a: b}}\n    \
         spec: {nodeSelector: {kubernetes.io/arch: arm64}, containers: [{name: main, resources: {requests: {cpu: 2}}}]}\n",
    );
    expand(&mut objects);
    let pod = serde_json::to_value(&objects.pods[0]).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&pod).unwrap());
}

#[rstest]
#[case::through_the_replica_set_by_uid(
    replica_set("web", 2, "abc", &owned_by("Deployment", "web", "uid-web")),
    owned_by("ReplicaSet", "web-abc", "uid-web-abc"),
    &["default/web-0"]
)]
#[case::through_the_replica_set_by_name(
    replica_set("web", 2, "abc", &owned_by("Deployment", "web", "")),
    owned_by("ReplicaSet", "web-abc", ""),
    &["default/web-0"]
)]
#[case::through_a_replica_set_that_is_not_in_the_input(
    String::new(),
    format!("{}, labels: {{pod-template-hash: abc}}", owned_by("ReplicaSet", "web-abc", "other")),
    &["default/web-0"]
)]
#[case::directly(String::new(), owned_by("Deployment", "web", "uid-web"), &["default/web-0"])]
#[case::not_those_of_another_owner(
    String::new(),
    owned_by("ReplicaSet", "shop-abc", "other"),
    &["default/web-0", "default/web-1", "default/web-2"]
)]
#[case::not_those_of_an_earlier_deployment_of_the_name(
    String::new(),
    owned_by("Deployment", "web", "uid-of-before"),
    &["default/web-0", "default/web-1", "default/web-2"]
)]
#[case::not_those_without_an_owner(
    String::new(),
    String::new(),
    &["default/web-0", "default/web-1", "default/web-2"]
)]
fn pods_that_are_there_count(#[case] set: String, #[case] owner: String, #[case] expected: &[&str]) {
    let text = deployment("web", "replicas: 3,")
        + &set
        + &pod("web-abc-x", &owner, "Running")
        + &pod("web-abc-y", &owner, "Pending")
        + &pod("web-abc-z", &owner, "Failed");
    assert_eq!(added(&text), expected);
}

#[test]
fn a_pod_that_is_being_deleted_is_replaced() {
    let more = owned_by("Deployment", "web", "uid-web") + ", deletionTimestamp: \"2026-08-20T10:00:00Z\"";
    assert_eq!(
        added(&(deployment("web", "replicas: 1,") + &pod("web-x", &more, "Running"))),
        ["default/web-0"]
    );
}

#[test]
fn a_rollout_counts_the_pods_of_both_replica_sets_and_adds_to_the_newer() {
    let owner = owned_by("Deployment", "web", "uid-web");
    let text = deployment("web", "replicas: 4,")
        + &replica_set("web", 1, "old", &owner)
        + &replica_set("web", 3, "new", &owner)
        + &pod("a", &owned_by("ReplicaSet", "web-old", "uid-web-old"), "Running")
        + &pod("b", &owned_by("ReplicaSet", "web-new", "uid-web-new"), "Running");
    let mut objects = objects(&text);
    expand(&mut objects);
    let added = &objects.pods[2..];
    assert_eq!(added.len(), 2);
    assert!(added.iter().all(|pod| pod.metadata.labels.as_ref().unwrap()["pod-template-hash"] == "new"));
}

#[test]
fn a_replica_set_without_its_deployment_stands_for_itself() {
    let text = replica_set("web", 2, "abc", &owned_by("Rollout", "web", "r"));
    assert_eq!(added(&text), ["default/web-abc-0", "default/web-abc-1"]);
}

#[test]
fn more_pods_than_desired_add_nothing() {
    let owner = owned_by("Deployment", "web", "uid-web");
    let text =
        deployment("web", "replicas: 1,") + &pod("a", &owner, "Running") + &pod("b", &owner, "Running");
    assert_eq!(added(&text), Vec::<String>::new());
}

#[test]
fn names_that_are_taken_are_not_given_again() {
    let text = deployment("web", "replicas: 2,") + &pod("web-0", "", "Running");
    assert_eq!(added(&text), ["default/web-1", "default/web-2"]);
}

fn stateful_set(more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db, namespace: shop}}\nspec:\n  replicas: 3\n  \
         selector: {{matchLabels: {{app: db}}}}\n{more}  template: {{metadata: {{labels: {{app: db}}}}, spec: {SPEC}}}\n  \
         volumeClaimTemplates: [{{metadata: {{name: data}}, spec: {{accessModes: [ReadWriteOnce], storageClassName: gp3, \
         resources: {{requests: {{storage: 10Gi}}}}}}}}]\n---\n"
    )
}

#[test]
fn a_stateful_set_adds_the_missing_numbers_with_their_claims() {
    let text = stateful_set("")
        + &pod("db-1", ", namespace: shop", "Running")
        + "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data-db-2, namespace: shop}\nspec: {volumeName: v}\n";
    let mut objects = objects(&text);
    expand(&mut objects);
    let names: Vec<String> = objects.pods[1..].iter().map(name).collect();
    assert_eq!(names, ["shop/db-0", "shop/db-2"]);

    let claims: Vec<&str> = objects
        .persistent_volume_claims
        .iter()
        .map(|claim| claim.metadata.name.as_deref().unwrap())
        .collect();
    assert_eq!(claims, ["data-db-2", "data-db-0"], "a claim that is there is kept as it is");
    let claim = &objects.persistent_volume_claims[1];
    assert_eq!(claim.metadata.namespace.as_deref(), Some("shop"));
    assert_eq!(claim.spec.as_ref().unwrap().storage_class_name.as_deref(), Some("gp3"));

    let volumes = objects.pods[1].spec().unwrap().volumes.as_ref().unwrap();
    assert_eq!(volumes[0].persistent_volume_claim.as_ref().unwrap().claim_name, "data-db-0");
    assert_eq!(objects.pods[1].metadata.labels.as_ref().unwrap()["apps.kubernetes.io/pod-index"], "0");
}

#[test]
fn a_stateful_set_can_begin_at_another_number() {
    assert_eq!(added(&stateful_set("  ordinals: {start: 5}\n")), ["shop/db-5", "shop/db-6", "shop/db-7"]);
}

fn job(spec: &str, status: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: encode, namespace: batch, uid: uid-encode}}\n\
         spec: {{{spec} template: {{spec: {JOB_SPEC}}}}}\nstatus: {{{status}}}\n---\n"
    )
}

#[rstest]
#[case::one_by_default("", "", 0, 1)]
#[case::side_by_side("parallelism: 10, completions: 50,", "", 0, 10)]
#[case::no_more_than_are_left("parallelism: 10, completions: 50,", "succeeded: 45", 0, 5)]
#[case::minus_those_that_run("parallelism: 10, completions: 50,", "succeeded: 3", 4, 6)]
#[case::all_done("parallelism: 10, completions: 50,", "succeeded: 50", 0, 0)]
#[case::complete(
    "parallelism: 10, completions: 50,",
    "conditions: [{type: Complete, status: \"True\"}]",
    0,
    0
)]
#[case::failed("completions: 5,", "conditions: [{type: Failed, status: \"True\"}]", 0, 0)]
#[case::suspended("suspend: true, parallelism: 3, completions: 3,", "", 0, 0)]
#[case::no_parallelism("parallelism: 0, completions: 3,", "", 0, 0)]
#[case::a_queue("parallelism: 3,", "", 0, 3)]
#[case::a_queue_that_was_found_empty("parallelism: 3,", "succeeded: 1", 0, 0)]
fn a_job_becomes_the_pods_it_may_run_now(
    #[case] spec: &str,
    #[case] status: &str,
    #[case] running: usize,
    #[case] expected: usize,
) {
    let mut text = job(spec, status);
    for number in 0..running {
        let more = format!(", namespace: batch{}", owned_by("Job", "encode", "uid-encode"));
        text += &pod(&format!("encode-x{number}"), &more, "Running");
    }
    assert_eq!(added(&text).len(), expected);
}

#[test]
fn succeeded_pods_of_a_job_count_when_its_status_is_missing() {
    let more = format!(", namespace: batch{}", owned_by("Job", "encode", "uid-encode"));
    let text = job("completions: 2, parallelism: 2,", "") + &pod("encode-x", &more, "Succeeded");
    assert_eq!(added(&text), ["batch/encode-0"]);
}

fn cron_job(more: &str, spec: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: nightly, uid: uid-nightly}}\nspec: {{schedule: \"@daily\", \
         {more} jobTemplate: {{spec: {{{spec} template: {{spec: {JOB_SPEC}}}}}}}}}\n---\n"
    )
}

#[rstest]
#[case::one("", "", 1)]
#[case::side_by_side("", "parallelism: 4, completions: 8,", 4)]
#[case::no_more_than_complete("", "parallelism: 4, completions: 2,", 2)]
#[case::suspended("suspend: true,", "parallelism: 4,", 0)]
fn a_cron_job_becomes_one_job(#[case] more: &str, #[case] spec: &str, #[case] expected: usize) {
    assert_eq!(added(&cron_job(more, spec)).len(), expected);
}

#[test]
fn a_job_of_a_cron_job_is_its_one_job() {
    let job = format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: nightly-29000000, uid: uid-job{}}}\nspec: {{parallelism: 3, \
         completions: 3, template: {{spec: {JOB_SPEC}}}}}\n---\n",
        owned_by("CronJob", "nightly", "uid-nightly")
    );
    let running = pod("nightly-29000000-x", &owned_by("Job", "nightly-29000000", "uid-job"), "Running");
    let names = added(&(cron_job("", "parallelism: 3, completions: 3,") + &job + &running));
    assert_eq!(names, ["default/nightly-29000000-0", "default/nightly-29000000-1"]);
}

#[test]
fn a_running_pod_of_a_cron_job_counts_without_its_job() {
    let running = pod("nightly-29000000-x", &owned_by("Job", "nightly-29000000", "uid-job"), "Running");
    assert_eq!(added(&(cron_job("", "") + &running)), Vec::<String>::new());
}

#[test]
fn daemon_sets_are_not_expanded() {
    let text = format!(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: agent}}\nspec: {{selector: {{matchLabels: {{app: a}}}}, \
         template: {{metadata: {{labels: {{app: a}}}}, spec: {SPEC}}}}}\n"
    );
    assert_eq!(added(&text), Vec::<String>::new());
}

#[test]
fn twenty_thousand_replicas_have_twenty_thousand_names() {
    let mut objects = objects(&deployment("big", "replicas: 20000,"));
    expand(&mut objects);
    let names: BTreeSet<String> = objects.pods.iter().map(name).collect();
    assert_eq!(names.len(), 20_000);
    assert!(names.contains("default/big-19999"));
}

#[test]
fn absurd_numbers_of_replicas_are_refused() {
    let said = |text: &str| {
        let (_, diagnostics, _) = read(&[SourceFile::new("x.yaml", text)]);
        diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(
        said(&deployment("web", "replicas: 2000000000,")).contains("2000000000 is too high; at most 1000000")
    );
    let many: String =
        (0..3).map(|number| deployment(&format!("web{number}"), "replicas: 400000,")).collect();
    assert!(
        said(&many).contains("Deployment default/web2: with this workload there are more than 1000000 pods")
    );
}
