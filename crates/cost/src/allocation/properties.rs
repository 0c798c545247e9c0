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
    /// Those of a row; `several` if it stands for several containers, and is what they have in common.
    pub fn of(workload: &Arc<Workload>, several: bool, keep_labels: bool) -> Properties {
        let mut properties = Properties::One(Arc::clone(workload));
        if several {
            properties.widen(keep_labels);
        }
        properties
    }

    /// Takes another row in. Labels and annotations in common are kept only if they are asked for.
    pub fn add(&mut self, other: &Arc<Workload>, keep_labels: bool) {
        self.join(other, false, keep_labels);
    }

    /// Takes another row in, which may stand for `several`. What comes of it does not depend on the order.
    pub fn join(&mut self, other: &Arc<Workload>, several: bool, keep_labels: bool) {
        if let Properties::One(workload) = self
            && !several
            && (Arc::ptr_eq(workload, other) || workload == other)
        {
            return;
        }
        self.widen(keep_labels).narrow(other, keep_labels);
    }

    /// Takes other properties in.
    pub fn merge(&mut self, other: &Properties, keep_labels: bool) {
        match other {
            Properties::One(workload) => self.join(workload, false, keep_labels),
            Properties::Common(common) => self.widen(keep_labels).narrow(common, keep_labels),
        }
    }

    /// Makes one row's properties those of several.
    fn widen(&mut self, keep_labels: bool) -> &mut Workload {
        if let Properties::One(workload) = self {
            let mut common = Workload::clone(workload);
            common.kind = RowKind::Container;
            if !keep_labels {
                common.labels = Arc::default();
                common.annotations = Arc::default();
            }
            *self = Properties::Common(Box::new(common));
        }
        match self {
            Properties::Common(common) => common,
            // it was made common above
            Properties::One(workload) => Arc::make_mut(workload),
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

impl Workload {
    /// Leaves what it has in common with another.
    pub(crate) fn narrow(&mut self, other: &Workload, keep_labels: bool) {
        let common = self;
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
        if !keep_labels {
            (common.labels, common.annotations) = (Arc::default(), Arc::default());
        }
        for (mine, theirs) in [
            (&mut common.labels, &other.labels),
            (&mut common.annotations, &other.annotations),
            (&mut common.namespace_labels, &other.namespace_labels),
            (&mut common.namespace_annotations, &other.namespace_annotations),
        ] {
            if !Arc::ptr_eq(mine, theirs) && mine != theirs && !mine.is_empty() {
                *mine = Arc::new(intersection(mine, theirs));
            }
        }
    }
}

fn intersection(one: &Map, other: &Map) -> Map {
    let both = one.iter().filter(|(key, value)| other.get(*key) == Some(*value));
    both.map(|(key, value)| (Arc::clone(key), Arc::clone(value))).collect()
}
