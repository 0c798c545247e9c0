//! The conditions of a NodePool: its requirements, and the labels of its template, which are requirements, too.

use supercargo_api::NodePool;
use supercargo_api::labels::normalize_label;
use supercargo_api::requirement::{Requirement, RequirementError};

use super::filter::Filter;

/// What a NodePool asks of instance types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePoolFilters {
    /// One condition for each requirement, in the order of the manifest, then the labels.
    pub filters: Vec<Filter>,
    /// Keys that say nothing about instance types: labels of the user's own.
    pub other_keys: Vec<String>,
}

impl NodePoolFilters {
    /// The conditions of a NodePool; an error names the requirement by its place in the list.
    pub fn of(node_pool: &NodePool) -> Result<NodePoolFilters, (usize, RequirementError)> {
        let template = &node_pool.spec.template;
        let mut found = NodePoolFilters::default();
        for (index, term) in template.spec.requirements.iter().enumerate() {
            found.add(term.requirement().map_err(|error| (index, error))?);
        }
        for (key, value) in template.labels().iter() {
            found.add(Requirement::in_values(normalize_label(key), [value.clone()]));
        }
        Ok(found)
    }

    fn add(&mut self, requirement: Requirement) {
        if Filter::is_label(&requirement.key) {
            self.filters.push(Filter::label(requirement));
        } else {
            self.other_keys.push(requirement.key);
        }
    }
}
