//! Server-side apply and the managers of fields (section 1.3: `kubectl apply --server-side`).

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::patch::fields::FieldSet;
use supercargo_apiserver::patch::managed::{ApplyError, Writer, apply, on_update};
use supercargo_apiserver::schema::{Schema, builtin, from_crd};

/// A cluster of one object.
struct Object {
    schema: Schema,
    api_version: &'static str,
    live: Option<Value>,
    /// Seconds since the beginning.
    now: i64,
}

impl Object {
    fn of(schema: &Schema, api_version: &'static str) -> Object {
        Object { schema: schema.clone(), api_version, live: None, now: 0 }
    }

    fn deployment() -> Object {
        Object::of(builtin("apps", "v1", "Deployment").unwrap(), "apps/v1")
    }

    fn with_writer<T>(
        &mut self,
        manager: &str,
        subresource: &str,
        then: impl FnOnce(&Writer<'_>, &Schema, Option<&Value>) -> T,
    ) -> T {
        self.now += 60;
        let reset = if subresource == "status" {
            FieldSet::of_fields(&[&["spec"]])
        } else {
            FieldSet::of_fields(&[&["status"]])
        };
        let now = Timestamp::from_second(1_700_000_000 + self.now).unwrap();
        let writer = Writer { manager, subresource, api_version: self.api_version, now, reset: &reset };
        then(&writer, &self.schema.clone(), self.live.clone().as_ref())
    }

    fn apply(&mut self, manager: &str, force: bool, applied: Value) -> Result<&Value, ApplyError> {
        let applied = self.complete(applied);
        let result = self
            .with_writer(manager, "", |writer, schema, live| apply(live, &applied, writer, force, schema))?;
        Ok(self.live.insert(result))
    }

    fn update(&mut self, manager: &str, subresource: &str, change: impl FnOnce(&mut Value)) -> &Value {
        let mut new = self.live.clone().unwrap_or_else(|| self.complete(json!({})));
        change(&mut new);
        self.with_writer(manager, subresource, |writer, schema, live| {
            on_update(live, &mut new, writer, schema)
        });
        self.live.insert(new)
    }

    fn complete(&self, mut object: Value) -> Value {
        let fields = object.as_object_mut().unwrap();
        fields.insert("apiVersion".into(), json!(self.api_version));
        fields.insert("kind".into(), json!("Deployment"));
        let meta = fields.entry("metadata").or_insert_with(|| json!({}));
        meta["name"] = json!("web");
        meta["namespace"] = json!("default");
        object
    }

    /// `manager/operation/subresource` with what it owns.
    fn managers(&self) -> Vec<(String, Value)> {
        let entries =
            self.live.as_ref().unwrap()["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        entries
            .iter()
            .map(|entry| {
                let name = format!(
                    "{}/{}/{}",
                    text(entry, "manager"),
                    text(entry, "operation"),
                    text(entry, "subresource")
                );
                (name.trim_end_matches('/').to_owned(), entry["fieldsV1"].clone())
            })
            .collect()
    }

    fn spec(&self) -> &Value {
        &self.live.as_ref().unwrap()["spec"]
    }
}

fn containers(containers: Value) -> Value {
    json!({ "spec": { "template": { "spec": { "containers": containers } } } })
}

#[test]
fn an_apply_creates_and_owns_what_it_sets() {
    let mut object = Object::deployment();
    let live = object.apply("me", false, json!({ "metadata": { "labels": { "app": "web" } }, "spec": { "replicas": 3,
        "template": { "spec": { "containers": [{ "name": "a", "image": "x", "ports": [{ "containerPort": 80 }] }] } } } }));
    let entry = &live.unwrap()["metadata"]["managedFields"][0];
    insta::assert_snapshot!(serde_json::to_string_pretty(entry).unwrap(), @r#"
    {
      "manager": "me",
      "operation": "Apply",
      "apiVersion": "apps/v1",
      "time": "2023-11-14T22:14:20Z",
      "fieldsType": "FieldsV1",
      "fieldsV1": {
        "f:metadata": {
          "f:labels": {
            "f:app": {}
          }
        },
        "f:spec": {
          "f:replicas": {},
          "f:template": {
            "f:spec": {
              "f:containers": {
                "k:{\"name\":\"a\"}": {
                  ".": {},
                  "f:image": {},
                  "f:name": {},
                  "f:ports": {
                    "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {
                      ".": {},
                      "f:containerPort": {}
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
    "#);
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let mut object = Object::deployment();
    let applied = json!({ "spec": { "replicas": 3 } });
    let first = object.apply("me", false, applied.clone()).unwrap().clone();
    let second = object.apply("me", false, applied).unwrap();
    assert_eq!(first, *second);
}

#[test]
fn what_is_no_longer_applied_goes() {
    let mut object = Object::deployment();
    object.apply("me", false, json!({ "metadata": { "labels": { "a": "1", "b": "2" } }, "spec": { "replicas": 3, "paused": true } })).unwrap();
    let live = object
        .apply("me", false, json!({ "metadata": { "labels": { "a": "1" } }, "spec": { "replicas": 3 } }))
        .unwrap();
    assert_eq!(live["metadata"]["labels"], json!({ "a": "1" }));
    assert_eq!(live["spec"], json!({ "replicas": 3 }));
}

#[test]
fn elements_of_lists_are_owned_one_by_one() {
    let mut object = Object::deployment();
    object
        .apply(
            "one",
            false,
            containers(json!([{ "name": "a", "image": "x" }, { "name": "b", "image": "y" }])),
        )
        .unwrap();
    object.apply("two", false, containers(json!([{ "name": "c", "image": "z" }]))).unwrap();
    object.apply("one", false, containers(json!([{ "name": "b", "image": "y2" }]))).unwrap();
    let names: Vec<&str> = object.spec()["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["b", "c"]);
    assert_eq!(object.spec()["template"]["spec"]["containers"][0]["image"], "y2");
}

#[test]
fn the_applied_order_is_kept_and_others_stay_between() {
    let mut object = Object::deployment();
    object
        .apply("one", false, containers(json!([{ "name": "a" }, { "name": "b" }, { "name": "c" }])))
        .unwrap();
    object
        .apply("two", false, containers(json!([{ "name": "c" }, { "name": "d" }, { "name": "a" }])))
        .unwrap();
    let elements = object.spec()["template"]["spec"]["containers"].as_array().unwrap();
    let names: Vec<&str> = elements.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["b", "c", "d", "a"]);
}

#[test]
fn equal_values_are_shared_and_stay_until_the_last_owner_lets_go() {
    let mut object = Object::deployment();
    object.apply("one", false, json!({ "spec": { "replicas": 3 } })).unwrap();
    object.apply("two", false, json!({ "spec": { "replicas": 3 } })).unwrap();
    object.apply("one", false, json!({})).unwrap();
    assert_eq!(object.spec()["replicas"], 3);
    object.apply("two", false, json!({})).unwrap();
    assert_eq!(object.live.as_ref().unwrap().get("spec"), None);
    assert_eq!(object.managers(), []);
}

#[test]
fn a_change_of_what_another_owns_is_a_conflict() {
    let mut object = Object::deployment();
    object.update("kubectl", "", |new| new["spec"] = json!({ "replicas": 3 }));
    let error = object.apply("me", false, json!({ "spec": { "replicas": 5 } })).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas"#
    );
    let ApplyError::Conflict(conflicts) = error else { panic!("{error}") };
    assert_eq!(conflicts.conflicts[0].message(), r#"conflict with "kubectl" using apps/v1"#);
    assert_eq!(conflicts.conflicts[0].field, ".spec.replicas");
}

#[test]
fn several_conflicts_are_listed_by_manager() {
    let mut object = Object::deployment();
    object
        .apply(
            "zoe",
            false,
            containers(
                json!([{ "name": "a", "image": "x", "ports": [{ "containerPort": 80, "name": "http" }] }]),
            ),
        )
        .unwrap();
    object.update("kubectl", "scale", |new| new["spec"]["replicas"] = json!(3));
    let mut change =
        containers(json!([{ "name": "a", "image": "y", "ports": [{ "containerPort": 80, "name": "web" }] }]));
    change["spec"]["replicas"] = json!(5);
    let message = object.apply("me", false, change).unwrap_err().to_string();
    insta::assert_snapshot!(message, @r#"
    Apply failed with 3 conflicts: conflicts with "kubectl" with subresource "scale" using apps/v1:
    - .spec.replicas
    conflicts with "zoe":
    - .spec.template.spec.containers[name="a"].image
    - .spec.template.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"].name
    "#);
}

#[test]
fn force_takes_the_field() {
    let mut object = Object::deployment();
    object.apply("one", false, json!({ "spec": { "replicas": 3, "paused": true } })).unwrap();
    object.apply("two", true, json!({ "spec": { "replicas": 5 } })).unwrap();
    let managers = object.managers();
    assert_eq!(managers[0], ("one/Apply".into(), json!({ "f:spec": { "f:paused": {} } })));
    assert_eq!(managers[1], ("two/Apply".into(), json!({ "f:spec": { "f:replicas": {} } })));
    assert_eq!(*object.spec(), json!({ "replicas": 5, "paused": true }));
}

#[test]
fn an_ordinary_write_takes_what_it_changes() {
    let mut object = Object::deployment();
    object.apply("one", false, json!({ "spec": { "replicas": 3, "paused": true } })).unwrap();
    object.update("kubectl-edit", "", |new| {
        new["spec"]["replicas"] = json!(4);
        new["metadata"]["labels"] = json!({ "a": "b" });
    });
    let managers = object.managers();
    assert_eq!(managers[0], ("one/Apply".into(), json!({ "f:spec": { "f:paused": {} } })));
    let changed =
        json!({ "f:metadata": { "f:labels": { ".": {}, "f:a": {} } }, "f:spec": { "f:replicas": {} } });
    assert_eq!(managers[1], ("kubectl-edit/Update".into(), changed));
}

#[test]
fn a_removal_is_nobodys_any_more() {
    let mut object = Object::deployment();
    object.apply("one", false, json!({ "spec": { "replicas": 3, "paused": true } })).unwrap();
    object.update("editor", "", |new| {
        new["spec"].as_object_mut().unwrap().remove("paused");
    });
    assert_eq!(object.managers(), [("one/Apply".into(), json!({ "f:spec": { "f:replicas": {} } }))]);
}

#[test]
fn each_subresource_is_a_manager_of_its_own() {
    let mut object = Object::deployment();
    object.update("kubectl-create", "", |new| new["spec"] = json!({ "replicas": 1 }));
    object.update("controller", "status", |new| new["status"] = json!({ "replicas": 1 }));
    object.update("kubectl", "scale", |new| new["spec"]["replicas"] = json!(2));
    let names: Vec<String> = object.managers().into_iter().map(|(name, _)| name).collect();
    // The creator still owns the spec itself, as upstream's compare adds new objects with their fields.
    assert_eq!(names, ["kubectl-create/Update", "controller/Update/status", "kubectl/Update/scale"]);
    assert_eq!(object.managers()[1].1, json!({ "f:status": { ".": {}, "f:replicas": {} } }));
    assert_eq!(object.managers()[2].1, json!({ "f:spec": { "f:replicas": {} } }));
    let live = object.live.as_ref().unwrap();
    assert_eq!(live["metadata"]["managedFields"][2]["subresource"], "scale");
}

#[test]
fn an_endpoint_does_not_own_what_it_does_not_write() {
    let mut object = Object::deployment();
    object.apply("me", false, json!({ "spec": { "replicas": 1 }, "status": { "replicas": 7 } })).unwrap();
    assert_eq!(object.managers(), [("me/Apply".into(), json!({ "f:spec": { "f:replicas": {} } }))]);
}

#[test]
fn a_write_that_changes_nothing_leaves_the_managers_alone() {
    let mut object = Object::deployment();
    object.update("one", "", |new| new["spec"] = json!({ "replicas": 1 }));
    let before = object.live.clone();
    object.update("two", "", |_| {});
    assert_eq!(object.live, before);
    // A client that does not know of managers and sends none does not delete them.
    object.update("two", "", |new| {
        new["metadata"].as_object_mut().unwrap().remove("managedFields");
    });
    assert_eq!(object.live, before);
}

#[test]
fn managers_can_be_reset_and_are_then_not_tracked() {
    let mut object = Object::deployment();
    object.update("one", "", |new| new["spec"] = json!({ "replicas": 1 }));
    object.update("one", "", |new| new["metadata"]["managedFields"] = json!([{}]));
    assert_eq!(object.managers(), []);
    object.update("one", "", |new| new["spec"]["replicas"] = json!(2));
    assert_eq!(object.managers(), []);
    // The first apply finds what was there in the hands of `before-first-apply`.
    object.apply("me", false, json!({ "spec": { "paused": true } })).unwrap();
    let names: Vec<String> = object.managers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["me/Apply", "before-first-apply/Update"]);
}

#[test]
fn a_manager_of_many_updates_is_kept_small() {
    let mut object = Object::deployment();
    for n in 0..14 {
        object.update(&format!("m{n:02}"), "", |new| new["metadata"]["labels"][format!("l{n}")] = json!("x"));
    }
    let managers = object.managers();
    assert_eq!(managers.len(), 10);
    assert_eq!(managers[0].0, "ancient-changes/Update");
    assert!(managers[0].1["f:metadata"]["f:labels"]["f:l0"].is_object());
    assert_eq!(managers[9].0, "m13/Update");
}

/// `kubectl apply --server-side` moves its client-side manager by a patch of the managers themselves.
#[test]
fn kubectl_can_change_the_managers_themselves() {
    let mut object = Object::deployment();
    object.update("kubectl-client-side-apply", "", |new| new["spec"] = json!({ "replicas": 1 }));
    object.update("kubectl", "", |new| {
        let entry = &mut new["metadata"]["managedFields"][0];
        entry["manager"] = json!("kubectl");
        entry["operation"] = json!("Apply");
    });
    assert_eq!(object.managers()[0].0, "kubectl/Apply");
}

#[test]
fn kubectl_goes_over_from_client_side_apply_without_conflict() {
    let memory = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"default"},"spec":{"replicas":1,"paused":true}}"#;
    let mut object = Object::deployment();
    object.update("kubectl-client-side-apply", "", |new| {
        new["metadata"]["annotations"] =
            json!({ "kubectl.kubernetes.io/last-applied-configuration": memory });
        new["spec"] = json!({ "replicas": 1, "paused": true });
    });
    let live = object.apply("kubectl", false, json!({ "spec": { "replicas": 2, "paused": true } })).unwrap();
    assert_eq!(live["spec"]["replicas"], 2);
    let memory =
        live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(memory).unwrap()["spec"]["replicas"], 2);
    // Another manager gets no such help.
    let error = object.apply("flux", false, json!({ "spec": { "replicas": 3 } })).unwrap_err();
    assert!(error.to_string().contains("conflict with \"kubectl\": .spec.replicas"), "{error}");
}

#[rstest]
#[case::unknown_field(json!({ "spec": { "replicaas": 1 } }),
    "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.replicaas: field not declared in schema")]
#[case::wrong_type(json!({ "spec": { "replicas": "many" } }),
    "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got \"many\"")]
#[case::list_for_an_object(json!({ "spec": [] }),
    "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec: expected map, got []")]
#[case::duplicate(containers(json!([{ "name": "a" }, { "name": "a" }])),
    "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name=\"a\"]")]
#[case::no_key(containers(json!([{ "image": "a" }])),
    "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.template.spec.containers: element 0: associative list with keys \
     has an element that omits all key fields [\"name\"] (and doesn't have default values for any key fields)")]
#[case::two_errors(json!({ "spec": { "a": 1, "b": 2 } }),
    "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): errors:\n  .spec.a: field not declared in schema\n  \
     .spec.b: field not declared in schema")]
#[case::managers(json!({ "metadata": { "managedFields": [] } }), "metadata.managedFields must be nil")]
fn what_cannot_be_applied_says_why(#[case] applied: Value, #[case] message: &str) {
    let error = Object::deployment().apply("me", false, applied).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn another_version_is_refused() {
    let reset = FieldSet::new();
    let writer = Writer {
        manager: "me",
        subresource: "",
        api_version: "apps/v1",
        now: Timestamp::UNIX_EPOCH,
        reset: &reset,
    };
    let applied = json!({ "apiVersion": "apps/v1beta1", "kind": "Deployment" });
    let error =
        apply(None, &applied, &writer, false, builtin("apps", "v1", "Deployment").unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Incorrect version specified in apply patch. Specified patch version: apps/v1beta1, expected: apps/v1"
    );
}

fn widget() -> Object {
    let crd = json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
        "tags": { "type": "array", "items": { "type": "string" }, "x-kubernetes-list-type": "set" },
        "steps": { "type": "array", "items": { "type": "string" } },
        "limits": { "type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": { "type": "string" } },
        "ports": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"], "items": { "type": "object",
            "properties": { "port": { "type": "integer" }, "protocol": { "type": "string", "default": "TCP" }, "name": { "type": "string" } } } },
        "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } } } });
    Object::of(&from_crd(&crd), "example.com/v1")
}

#[test]
fn a_custom_resource_has_sets_atomic_lists_maps_by_keys_and_free_parts() {
    let mut object = widget();
    let applied = json!({ "spec": { "tags": ["a", "b"], "steps": ["x", "y"], "limits": { "cpu": "1" }, "ports": [{ "port": 80, "name": "http" }],
        "free": { "any": { "thing": [1, 2] } } } });
    object.apply("me", false, applied).unwrap();
    insta::assert_snapshot!(object.managers()[0].1.to_string(), @r#"{"f:spec":{"f:free":{"f:any":{".":{},"f:thing":{}}},"f:limits":{},"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{}}},"f:steps":{},"f:tags":{"v:\"a\"":{},"v:\"b\"":{}}}}"#);
    object.apply("you", false, json!({ "spec": { "tags": ["c"], "free": { "other": 1 } } })).unwrap();
    object.apply("me", false, json!({ "spec": { "tags": ["b"], "steps": ["z"] } })).unwrap();
    assert_eq!(*object.spec(), json!({ "tags": ["b", "c"], "steps": ["z"], "free": { "other": 1 } }));
    let error = object.apply("you", false, json!({ "spec": { "steps": ["q"] } })).unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"me\": .spec.steps");
}

#[test]
fn null_is_owned_and_not_stored() {
    let mut object = Object::deployment();
    let live = object.apply("me", false, json!({ "spec": { "paused": null, "replicas": 1 } })).unwrap();
    assert_eq!(live["spec"], json!({ "replicas": 1 }));
}
