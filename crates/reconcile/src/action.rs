//! What a part wants done to the cluster.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Serialize;
use serde_json::{Value, json};

use crate::difference::patch_between;
use crate::mirror::{Key, Kind, Object};
use crate::outside::Request;

/// One request to the API server.
#[derive(Debug, Clone)]
pub struct Action {
    /// The kind of object it is about.
    pub kind: Kind,
    /// The object; the name is empty where the server chooses it.
    pub key: Key,
    /// What is done to it.
    pub verb: Verb,
}

/// What is done to an object.
#[derive(Debug, Clone)]
pub enum Verb {
    /// It comes into being.
    Create(Object),
    /// A merge patch of it, or of a subresource.
    Patch {
        /// `status` and the like; nothing for the object itself.
        subresource: Option<&'static str>,
        /// The patch. It names the resource version it was made from where that matters.
        body: Value,
    },
    /// It goes.
    Delete {
        /// Only if it still has this uid.
        uid: Option<String>,
        /// Seconds it is given; nothing for its own.
        grace: Option<i64>,
        /// `Background`, `Foreground` or `Orphan`.
        propagation: Option<&'static str>,
    },
    /// A pod is bound to a node.
    Bind {
        /// The node's name.
        node: String,
        /// Only if the pod still has this uid.
        uid: String,
    },
    /// A pod is asked to go, as far as disruption budgets allow.
    Evict {
        /// Only if it still has this uid.
        uid: Option<String>,
        /// Seconds it is given; nothing for its own.
        grace: Option<i64>,
    },
    /// Something is asked of what lies outside of the API server. The answer comes to [`Part::answered`](crate::Part::answered)
    /// some time later; nobody waits for it.
    Outside {
        /// What the part calls this request.
        ticket: u64,
        /// The request.
        request: Arc<dyn Request>,
    },
    /// Something worth knowing happened to it.
    Record(Note),
}

/// What an Event says.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// What it is about.
    pub about: ObjectReference,
    /// Whether it is a warning.
    pub warning: bool,
    /// One word in CamelCase.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
    /// Who says so, such as `default-scheduler`.
    pub component: &'static str,
    /// The node it happened on, if the component runs on nodes.
    pub host: Option<String>,
}

impl Action {
    /// Creates an object.
    pub fn create(object: impl Into<Object>) -> Self {
        let object = object.into();
        Self { kind: object.kind(), key: object.key(), verb: Verb::Create(object) }
    }

    /// Changes the object itself from one version to the next; nothing if they do not differ.
    pub fn update<T>(kind: Kind, old: &T, new: &T) -> Option<Self>
    where
        T: Resource<DynamicType = ()> + Serialize + PartialEq,
    {
        Self::difference(kind, None, old, new)
    }

    /// Changes the status of an object from one version to the next; nothing if they do not differ.
    pub fn update_status<T>(kind: Kind, old: &T, new: &T) -> Option<Self>
    where
        T: Resource<DynamicType = ()> + Serialize + PartialEq,
    {
        Self::difference(kind, Some("status"), old, new)
    }

    /// Changes the status of an object from what it is to `new`; nothing if they do not differ. Unlike
    /// [`update_status`](Self::update_status) it needs no second copy of the object and looks at nothing else.
    pub fn new_status<T, S>(kind: Kind, object: &T, old: Option<&S>, new: &S) -> Option<Self>
    where
        T: Resource<DynamicType = ()>,
        S: Serialize + PartialEq,
    {
        if old == Some(new) {
            return None;
        }
        // statuses have string keys and no failing serializers
        let status = match old {
            Some(old) => patch_between(old, new).ok()??,
            None => serde_json::to_value(new).ok()?,
        };
        Some(Self::changes(kind, Some("status"), object.meta(), json!({ "status": status })))
    }

    fn difference<T>(kind: Kind, subresource: Option<&'static str>, old: &T, new: &T) -> Option<Self>
    where
        T: Resource<DynamicType = ()> + Serialize + PartialEq,
    {
        if old == new {
            return None;
        }
        // these types have string keys and no failing serializers
        let body = patch_between(old, new).ok()??;
        Some(Self::changes(kind, subresource, old.meta(), body))
    }

    /// A merge patch that counts only for the version it was made from.
    fn changes(kind: Kind, subresource: Option<&'static str>, of: &ObjectMeta, mut body: Value) -> Self {
        if let (Some(version), Some(fields)) = (&of.resource_version, body.as_object_mut()) {
            let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
            metadata["resourceVersion"] = json!(version);
        }
        Self { kind, key: Key::of(of), verb: Verb::Patch { subresource, body } }
    }

    /// A merge patch as it is, of the object or a subresource.
    pub fn patch(kind: Kind, key: Key, subresource: Option<&'static str>, body: Value) -> Self {
        Self { kind, key, verb: Verb::Patch { subresource, body } }
    }

    /// Deletes an object, if it still is the one meant. Its dependents go in the background.
    pub fn delete<T: Resource<DynamicType = ()>>(kind: Kind, object: &T) -> Self {
        let metadata = object.meta();
        Self {
            kind,
            key: Key::of(metadata),
            verb: Verb::Delete {
                uid: metadata.uid.clone(),
                grace: None,
                propagation: (kind != Kind::Pod).then_some("Background"),
            },
        }
    }

    /// Deletes a pod at once, if it still is the one meant.
    pub fn delete_now<T: Resource<DynamicType = ()>>(kind: Kind, object: &T) -> Self {
        let metadata = object.meta();
        let verb = Verb::Delete { uid: metadata.uid.clone(), grace: Some(0), propagation: None };
        Self { kind, key: Key::of(metadata), verb }
    }

    /// Asks a pod to go, if it still is the one meant and as far as disruption budgets allow.
    pub fn evict<T: Resource<DynamicType = ()>>(pod: &T, grace: Option<i64>) -> Self {
        let metadata = pod.meta();
        let verb = Verb::Evict { uid: metadata.uid.clone(), grace };
        Self { kind: Kind::Pod, key: Key::of(metadata), verb }
    }

    /// Asks something of what lies outside of the API server; the key says on whose behalf.
    pub fn ask(kind: Kind, key: Key, ticket: u64, request: impl Request) -> Self {
        Self { kind, key, verb: Verb::Outside { ticket, request: Arc::new(request) } }
    }

    /// Records an Event about an object.
    pub fn note<T>(object: &T, component: &'static str, reason: &'static str, message: String) -> Self
    where
        T: Resource<DynamicType = ()>,
    {
        let about = reference(object);
        let note = Note { about, warning: false, reason, message, component, host: None };
        // the kind only says where the answer belongs, and Events are not mirrored
        Self { kind: Kind::Pod, key: Key::of(object.meta()), verb: Verb::Record(note) }
    }

    /// Records a warning about an object.
    pub fn warn<T>(object: &T, component: &'static str, reason: &'static str, message: String) -> Self
    where
        T: Resource<DynamicType = ()>,
    {
        let mut action = Self::note(object, component, reason, message);
        if let Verb::Record(note) = &mut action.verb {
            note.warning = true;
        }
        action
    }

    /// The same Event, said to have happened on a node.
    pub fn on_host(mut self, host: &str) -> Self {
        if let Verb::Record(note) = &mut self.verb {
            note.host = Some(host.to_owned());
        }
        self
    }
}

/// A reference to an object, as Events have it.
pub fn reference<T>(object: &T) -> ObjectReference
where
    T: Resource<DynamicType = ()>,
{
    let metadata = object.meta();
    ObjectReference {
        api_version: Some(T::api_version(&()).into_owned()),
        kind: Some(T::kind(&()).into_owned()),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        field_path: None,
    }
}
