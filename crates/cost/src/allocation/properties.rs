//! What the rows behind an aggregate have in common (reference section 1.6).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::workload::{RowKind, Workload};

type Map = BTreeMap<Arc<str>, Arc<str>>;

/// Properties of one row, or what several have in common; an empty text is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Properties {
    /// Of one container, however many hours.
    One(Arc<Workload>),
    /// Of several.
    Common(Box<Workload>),
}

impl Properties {
    /// Takes another row in. Labels and annotations in common are kept only if they are asked for.
    pub fn add(&mut self, other: &Arc<Workload>, keep_labels: bool) {
        let common = match self {
            Properties::One(workload) if Arc::ptr_eq(workload, other) || workload == other => return,
            Properties::One(workload) => {
                let mut common = Workload::clone(workload);
                common.kind = RowKind::Container;
                *self = Properties::Common(Box::new(common));
                return self.add(other, keep_labels);
            }
            Properties::Common(common) => common,
        };
        for (mine, theirs) in [
            (&mut common.cluster, &other.cluster),
            (&mut common.node, &other.node),
            (&mut common.namespace, &other.namespace),
            (&mut common.pod, &other.pod),
            (&mut common.pod_uid, &other.pod_uid),
            (&mut common.container, &other.container),
            (&mut common.provider_id, &other.provider_id),
        ] {
            if mine != theirs && !mine.is_empty() {
                *mine = "".into();
            }
        }
        if (&common.controller_kind, &common.controller) != (&other.controller_kind, &other.controller) {
            common.controller = "".into();
            if common.controller_kind != other.controller_kind {
                common.controller_kind = "".into();
            }
        }
        if (&common.root_kind, &common.root) != (&other.root_kind, &other.root) {
            (common.root_kind, common.root) = ("".into(), "".into());
        }
        if common.services != other.services {
            common.services.clear();
        }
        if common.namespace.is_empty() {
            common.namespace_labels = Arc::default();
            common.namespace_annotations = Arc::default();
        }
        for (mine, theirs) in
            [(&mut common.labels, &other.labels), (&mut common.annotations, &other.annotations)]
        {
            if !keep_labels {
                *mine = Arc::default();
            } else if mine != theirs && !mine.is_empty() {
                *mine = Arc::new(intersection(mine, theirs));
            }
        }
    }

    /// The properties.
    pub fn get(&self) -> &Workload {
        match self {
            Properties::One(workload) => workload,
            Properties::Common(common) => common,
        }
    }
}

fn intersection(one: &Map, other: &Map) -> Map {
    let both = one.iter().filter(|(key, value)| other.get(*key) == Some(*value));
    both.map(|(key, value)| (Arc::clone(key), Arc::clone(value))).collect()
}
