//! Where in a placement group a claim's instance goes (reference row E4, section 5.3).

use supercargo_api::EC2NodeClass;
use supercargo_api::labels::keys;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;

use super::LaunchError;
use crate::PlacementGroup;

/// A placement group, and the partition in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub group_id: String,
    /// None for EC2 to choose.
    pub partition: Option<u32>,
}

impl Place {
    /// Where the instance goes; nowhere in particular if the class selects no placement group. The group is the selected one,
    /// if it has been looked up.
    pub(super) fn of(
        node_class: &EC2NodeClass,
        group: Option<&PlacementGroup>,
        requirements: &Requirements,
    ) -> Result<Option<Place>, LaunchError> {
        let asked = |key: &str| requirements.get(key).filter(|asked| !asked.allows_absent());
        let refused =
            |asked: &Requirement, found: String| LaunchError::Placement { asked: asked.to_string(), found };
        let Some(selector) = &node_class.spec.placement_group_selector else {
            let any = asked(keys::PLACEMENT_GROUP_ID).or_else(|| asked(keys::PLACEMENT_GROUP_PARTITION));
            return any.map_or(Ok(None), |asked| Err(refused(asked, "no placement group".to_owned())));
        };
        let known = group.map(|group| &group.id).or(selector.id.as_ref());
        let Some(group_id) = known.cloned() else {
            return Err(LaunchError::NodeClassNotReady {
                name: node_class.metadata.name.clone().unwrap_or_default(),
                reason: "its placement group has not been looked up yet".to_owned(),
            });
        };
        if let Some(asked) = asked(keys::PLACEMENT_GROUP_ID).filter(|asked| !asked.has(&group_id)) {
            return Err(refused(asked, format!("the placement group {group_id}")));
        }
        let Some(asked) = asked(keys::PLACEMENT_GROUP_PARTITION) else {
            return Ok(Some(Place { group_id, partition: None }));
        };
        let Some(group) = group else {
            let partition = requirements
                .single_values()
                .find(|(key, _)| *key == keys::PLACEMENT_GROUP_PARTITION)
                .and_then(|(_, value)| value.parse().ok());
            return Ok(Some(Place { group_id, partition }));
        };
        let numbers = group.placement().partition_numbers();
        let partitions = numbers.clone().count();
        let mut allowed = numbers.filter(|number| asked.has(&number.to_string()));
        let first = allowed.next();
        if first.is_none() {
            let found = format!("the placement group {group_id} with {partitions} partitions");
            return Err(refused(asked, found));
        }
        let any = 1 + allowed.count() == partitions;
        let partition = if any { None } else { first };
        Ok(Some(Place { group_id, partition }))
    }
}
