//! Objects as a person would write them: a minimum, and whatever a test adds to it.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// An object in the making, still in JSON.
#[derive(Clone, Debug)]
pub struct Manifest(pub Value);

/// A value with fields merged in.
pub fn and(mut value: Value, fields: Value) -> Value {
    merge(&mut value, fields);
    value
}

/// Any object.
pub fn manifest(value: Value) -> Manifest {
    Manifest(value)
}

/// A pending pod of one container.
pub fn pod(name: &str, cpu: &str, memory: &str) -> Manifest {
    Manifest(json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
    }))
}

/// Pods `name-0`, `name-1` and so on with the label `app: name`.
pub fn pods(name: &str, count: usize, cpu: &str, memory: &str) -> Vec<Manifest> {
    (0..count).map(|index| pod(&format!("{name}-{index}"), cpu, memory).label("app", name)).collect()
}

/// A NodePool that takes anything of NodeClass `default`.
pub fn pool(name: &str) -> Manifest {
    Manifest(json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name},
        "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [],
        }}},
    }))
}

/// A ready node outside of any NodePool, in zone `a`.
pub fn node(name: &str, cpu: &str, memory: &str) -> Manifest {
    let amounts = json!({"cpu": cpu, "memory": memory, "pods": "110", "ephemeral-storage": "20Gi"});
    Manifest(json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name,
            "topology.kubernetes.io/zone": "a",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/os": "linux",
        }},
        "spec": {"providerID": format!("aws:///a/{name}")},
        "status": {"capacity": amounts, "allocatable": amounts},
    }))
}

/// A NodeClaim of a NodePool, not launched yet.
pub fn claim(name: &str, pool: &str) -> Manifest {
    Manifest(json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": name, "labels": {"karpenter.sh/nodepool": pool}},
        "spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [],
        },
    }))
}

impl Manifest {
    /// Merges fields in; maps are merged, everything else is replaced.
    pub fn with(mut self, fields: Value) -> Self {
        merge(&mut self.0, fields);
        self
    }

    /// Adds to the spec.
    pub fn spec(self, fields: Value) -> Self {
        self.with(json!({"spec": fields}))
    }

    /// Adds a label.
    pub fn label(self, key: &str, value: &str) -> Self {
        self.with(json!({"metadata": {"labels": {key: value}}}))
    }

    /// Adds an annotation.
    pub fn annotation(self, key: &str, value: &str) -> Self {
        self.with(json!({"metadata": {"annotations": {key: value}}}))
    }

    /// Puts it into another namespace.
    pub fn namespace(self, namespace: &str) -> Self {
        self.with(json!({"metadata": {"namespace": namespace}}))
    }

    /// Binds a pod to a node.
    pub fn on(self, node: &str) -> Self {
        self.spec(json!({"nodeName": node})).with(json!({"status": {"phase": "Running"}}))
    }

    /// Gives it an owner.
    pub fn owned_by(self, kind: &str, name: &str) -> Self {
        let version = if kind == "Node" { "v1" } else { "apps/v1" };
        self.with(json!({"metadata": {"ownerReferences": [
            {"apiVersion": version, "kind": kind, "name": name, "uid": "0", "controller": true},
        ]}}))
    }

    /// Sets when it was made, in seconds after noon.
    pub fn created(self, second: u32) -> Self {
        let time = format!("2026-07-20T12:{:02}:{:02}Z", second / 60, second % 60);
        self.with(json!({"metadata": {"creationTimestamp": time}}))
    }

    /// Marks it as being deleted.
    pub fn terminating(self) -> Self {
        self.with(json!({"metadata": {"deletionTimestamp": "2026-07-20T13:00:00Z"}}))
    }

    /// Sets a pod's node selector.
    pub fn selecting(self, key: &str, value: &str) -> Self {
        self.spec(json!({"nodeSelector": {key: value}}))
    }

    /// Sets the required node affinity of a pod: terms, each a list of `key operator values`.
    pub fn requiring(self, terms: &[&[&str]]) -> Self {
        let terms: Vec<Value> =
            terms.iter().map(|term| json!({"matchExpressions": expressions(term)})).collect();
        self.spec(json!({"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
        }}}))
    }

    /// Sets the preferred node affinity of a pod: weights and terms.
    pub fn preferring(self, terms: &[(i32, &[&str])]) -> Self {
        let terms: Vec<Value> = terms
            .iter()
            .map(|(weight, term)| json!({"weight": weight, "preference": {"matchExpressions": expressions(term)}}))
            .collect();
        self.spec(
            json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}}),
        )
    }

    /// Sets the requirements of a NodePool or a NodeClaim, each as `key operator values`.
    pub fn requires(self, requirements: &[&str]) -> Self {
        let requirements = json!({"requirements": expressions(requirements)});
        if self.0["spec"]["template"].is_object() {
            self.spec(json!({"template": {"spec": requirements}}))
        } else {
            self.spec(requirements)
        }
    }

    /// The object.
    ///
    /// # Panics
    /// When it is not an object of that kind: the test is wrong.
    pub fn build<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.0.clone()).unwrap_or_else(|error| panic!("{error}: {}", self.0))
    }
}

/// `key operator value value ...` as requirements; `minValues=2` may come last.
fn expressions(texts: &[&str]) -> Value {
    let expression = |text: &&str| {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let min_values = words.last().and_then(|word| word.strip_prefix("minValues=")).map(str::to_owned);
        if min_values.is_some() {
            words.pop();
        }
        let mut made = json!({"key": words[0], "operator": words[1]});
        if words.len() > 2 {
            made["values"] = json!(words[2..]);
        }
        if let Some(least) = min_values {
            made["minValues"] = json!(least.parse::<i32>().expect("minValues is a number"));
        }
        made
    };
    Value::Array(texts.iter().map(expression).collect())
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
