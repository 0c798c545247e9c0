//! What kubectl 1.37 sends as protocol buffers for its imperative commands (section 1.3), recorded, read as the object that it means.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use rstest::rstest;
use serde_json::Value;
use supercargo_apiserver::protobuf::decode;
use supercargo_apiserver::schema::builtin;

fn recorded(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/protobuf/{name}.pb", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

/// Each file is the body of one command: `kubectl create deployment web --image=nginx --image=envoy --replicas=0 --port=8080` and so on.
#[rstest]
#[case::create_namespace("namespace")]
#[case::create_deployment_of_no_replicas("deployment")]
#[case::create_deployment_with_a_command("deployment-command")]
#[case::create_configmap("configmap")]
#[case::create_secret("secret")]
#[case::create_secret_for_a_registry("secret-docker")]
#[case::create_service_clusterip("service-clusterip")]
#[case::create_service_headless("service-headless")]
#[case::create_service_nodeport("service-nodeport")]
#[case::create_service_loadbalancer("service-loadbalancer")]
#[case::create_service_externalname("service-externalname")]
#[case::create_serviceaccount("serviceaccount")]
#[case::create_job("job")]
#[case::create_job_from_a_cronjob("job-from")]
#[case::create_cronjob("cronjob")]
#[case::create_quota("quota")]
#[case::create_disruption_budget_by_percentage("pdb")]
#[case::create_disruption_budget_of_zero("pdb-max")]
#[case::create_priorityclass("priorityclass")]
#[case::create_priorityclass_of_zero("priorityclass-zero")]
#[case::create_role("role")]
#[case::create_rolebinding("rolebinding")]
#[case::create_clusterrole("clusterrole")]
#[case::create_clusterrole_that_aggregates("clusterrole-aggregation")]
#[case::create_clusterrolebinding("clusterrolebinding")]
#[case::create_ingress("ingress")]
#[case::create_token("token")]
#[case::autoscale("autoscale")]
#[case::autoscale_in_version_1("autoscale-v1")]
#[case::autoscale_without_metric("autoscale-plain")]
#[case::auth_can_i("can-i")]
#[case::auth_can_i_list("can-i-list")]
#[case::auth_whoami("whoami")]
#[case::drain_by_deletion("drain-delete")]
fn kubectl_is_understood(#[case] name: &str) {
    let object = decode(&recorded(name)).unwrap();
    insta::assert_snapshot!(name, serde_json::to_string_pretty(&object).unwrap());
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or_else(|| ("", text("apiVersion")));
    let schema = builtin(group, version, text("kind")).unwrap();
    assert_eq!(schema.unknown_fields(&object), Vec::<String>::new());
    assert_eq!(schema.check_types(&object), []);
}

#[test]
fn broken_bodies_are_errors() {
    let body = recorded("deployment");
    for length in 0..body.len() {
        // Most cuts are errors; some fall between two fields of the outermost message.
        let _ = decode(&body[..length]);
    }
    assert!(decode(b"").unwrap_err().to_string().contains("expected prefix [107 56 115 0]"));
    assert!(decode(b"{}").is_err());
    assert!(decode(b"k8s\0").is_err());
    assert!(decode(&body[..body.len() / 2]).is_err());
}

#[test]
fn an_unknown_kind_gets_a_hint() {
    let body = b"k8s\0\x0a\x0a\x0a\x04a/v1\x12\x02No";
    let message = decode(body).unwrap_err().to_string();
    assert_eq!(
        message,
        "no kind \"No\" is registered for version \"a/v1\" in protobuf; send it as JSON, for example by kubectl create -f"
    );
}

/// A tag, a length and the content.
fn nested(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push((length as u8 & 0x7f) | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(content);
    bytes
}

#[test]
fn deep_messages_are_an_error_and_no_overflow() {
    // CustomResourceDefinition.spec(2).versions(7).schema(4).openAPIV3Schema(1), then `not` (28) in `not`.
    let mut schema = Vec::new();
    for _ in 0..20_000 {
        let inner = nested(0xe2, &[]);
        let mut bytes = vec![inner[0], 0x01];
        bytes.extend(&nested(0, &schema)[1..]);
        schema = bytes;
    }
    let spec = nested(0x3a, &nested(0x22, &nested(0x0a, &schema)));
    let kind = [nested(0x0a, b"apiextensions.k8s.io/v1"), nested(0x12, b"CustomResourceDefinition")].concat();
    let body = [b"k8s\0".to_vec(), nested(0x0a, &kind), nested(0x12, &nested(0x12, &spec))].concat();
    assert!(decode(&body).unwrap_err().to_string().contains("nests deeper"));
}

proptest::proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = decode(&bytes);
        let kinds: [(&[u8], &[u8]); 5] = [(b"v1", b"Pod"), (b"apps/v1", b"Deployment"), (b"v1", b"DeleteOptions"),
            (b"apiextensions.k8s.io/v1", b"CustomResourceDefinition"), (b"authorization.k8s.io/v1", b"SubjectAccessReview")];
        for (version, kind) in kinds {
            let meta = [nested(0x0a, version), nested(0x12, kind)].concat();
            let body = [b"k8s\0".to_vec(), nested(0x0a, &meta), nested(0x12, &bytes)].concat();
            let _ = decode(&body);
        }
    }

    #[test]
    fn changed_bytes_never_panic(place in 0_usize..250, byte in proptest::num::u8::ANY, other in 0_usize..250) {
        for name in ["deployment", "job-from", "can-i", "autoscale", "ingress"] {
            let mut body = recorded(name);
            let length = body.len();
            body[place % length] = byte;
            body[other % length] ^= byte;
            let _: Option<Value> = decode(&body).ok();
        }
    }
}
