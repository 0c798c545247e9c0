//! The OpenAPI v3 documents: what `kubectl explain` and `kubectl apply` look for (section 1.3).

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use serde_json::{Value, json};
use supercargo_apiserver::gvk::Gvk;
use supercargo_apiserver::openapi::{Served, ServedSubresource, document, hash, index};
use supercargo_apiserver::schema::{builtin, builtins, from_crd};

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

fn apps() -> Value {
    let scale = ServedSubresource {
        name: "scale".into(),
        gvk: Gvk::new("autoscaling", "v1", "Scale"),
        verbs: vec!["get".into(), "patch".into(), "update".into()],
    };
    document(
        "apps",
        "v1",
        &[Served {
            kind: "Deployment",
            plural: "deployments",
            namespaced: true,
            schema: builtin("apps", "v1", "Deployment").unwrap(),
            verbs: &VERBS,
            subresources: &[scale],
        }],
    )
}

fn widgets() -> Value {
    let crd = json!({ "description": "A widget.", "type": "object", "required": ["spec"], "properties": { "spec": { "type": "object", "properties": {
        "size": { "type": "integer", "minimum": 1, "description": "How big." },
        "port": { "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }] },
        "any": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        "tags": { "type": "array", "items": { "type": "string" }, "x-kubernetes-list-type": "set" } } } } });
    let schema = from_crd(&crd);
    let served = Served {
        kind: "Widget",
        plural: "widgets",
        namespaced: false,
        schema: &schema,
        verbs: &VERBS,
        subresources: &[],
    };
    document("example.com", "v1", &[served])
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn the_index_names_documents_with_their_hash() {
    let all = index([("api/v1", "AB"), ("apis/apps/v1", "CD")]);
    assert_eq!(all["paths"]["apis/apps/v1"]["serverRelativeURL"], "/openapi/v3/apis/apps/v1?hash=CD");
    assert_eq!(hash(b"a").len(), 16);
    assert_ne!(hash(b"a"), hash(b"b"));
}

#[test]
fn the_patch_operation_says_that_fields_are_validated() {
    let apps = apps();
    let patch = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(
        patch["x-kubernetes-group-version-kind"],
        json!({ "group": "apps", "kind": "Deployment", "version": "v1" })
    );
    let names: Vec<&str> =
        patch["parameters"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_object());
    let widgets = widgets();
    let patch = &widgets["paths"]["/apis/example.com/v1/widgets/{name}"]["patch"];
    assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_null());
    assert!(patch["requestBody"]["content"]["application/apply-patch+yaml"].is_object());
}

#[test]
fn a_deployments_schema_has_descriptions_references_and_merge_keys() {
    let apps = apps();
    let schemas = &apps["components"]["schemas"];
    let spec = &schemas["io.k8s.api.apps.v1.DeploymentSpec"];
    insta::assert_snapshot!(pretty(&spec["properties"]["strategy"]), @r##"
    {
      "description": "The deployment strategy to use to replace existing pods with new ones.",
      "allOf": [
        {
          "$ref": "#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy"
        }
      ],
      "default": {},
      "x-kubernetes-patch-strategy": "retainKeys"
    }
    "##);
    let ports = &schemas["io.k8s.api.core.v1.Container"]["properties"]["ports"];
    assert_eq!(ports["x-kubernetes-patch-merge-key"], "containerPort");
    assert_eq!(ports["x-kubernetes-list-map-keys"], json!(["containerPort", "protocol"]));
    assert_eq!(ports["items"]["$ref"], "#/components/schemas/io.k8s.api.core.v1.ContainerPort");
    let kind = &schemas["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"];
    assert_eq!(*kind, json!([{ "group": "apps", "kind": "Deployment", "version": "v1" }]));
    assert!(schemas["io.k8s.api.autoscaling.v1.Scale"].is_object());
}

#[test]
fn a_custom_resources_schema_is_published_as_it_was_defined() {
    let widgets = widgets();
    let schema = &widgets["components"]["schemas"]["com.example.v1.Widget"];
    assert_eq!(schema["description"], "A widget.");
    assert_eq!(schema["required"], json!(["spec"]));
    insta::assert_snapshot!(pretty(&schema["properties"]["spec"]), @r#"
    {
      "type": "object",
      "properties": {
        "size": {
          "description": "How big.",
          "type": "integer",
          "minimum": 1
        },
        "port": {
          "x-kubernetes-int-or-string": true,
          "anyOf": [
            {
              "type": "integer"
            },
            {
              "type": "string"
            }
          ]
        },
        "any": {
          "type": "object",
          "x-kubernetes-preserve-unknown-fields": true
        },
        "tags": {
          "type": "array",
          "items": {
            "type": "string"
          },
          "x-kubernetes-list-type": "set"
        }
      }
    }
    "#);
    assert_eq!(
        schema["properties"]["metadata"]["allOf"][0]["$ref"],
        "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    );
}

/// Collects every reference of a document.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(elements) => elements.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_of_every_kind_leads_somewhere() {
    for ((group, version, kind), schema) in builtins() {
        let served =
            Served { kind, plural: "things", namespaced: true, schema, verbs: &VERBS, subresources: &[] };
        let document = document(group, version, &[served]);
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 5, "{kind}");
        for reference in found {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{kind}: {reference}");
        }
    }
}
