//! Priorities of pods, by number or by PriorityClass.

use std::collections::BTreeMap;

use supercargo_api::Pod;
use supercargo_api::objects::Objects;

/// PriorityClasses by name.
pub(crate) struct Priorities {
    by_name: BTreeMap<String, i32>,
    default: i32,
}

impl Priorities {
    pub(crate) fn new(objects: &Objects) -> Priorities {
        let mut by_name = BTreeMap::from([
            ("system-cluster-critical".to_owned(), 2_000_000_000),
            ("system-node-critical".to_owned(), 2_000_001_000),
        ]);
        let mut default = 0;
        for class in &objects.priority_classes {
            let value = class.value.unwrap_or_default();
            by_name.insert(class.metadata.name.clone().unwrap_or_default(), value);
            if class.global_default == Some(true) {
                default = value;
            }
        }
        Priorities { by_name, default }
    }

    pub(crate) fn of(&self, pod: &Pod) -> i32 {
        let Some(spec) = pod.spec() else { return self.default };
        let named = spec.priority_class_name.as_ref().and_then(|name| self.by_name.get(name)).copied();
        spec.priority.or(named).unwrap_or(self.default)
    }
}
