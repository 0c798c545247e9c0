//! Placement groups: what may be asked of them, and how instances spread over partitions.

use supercargo_cloud::{LaunchTemplateData, PlacementGroup};

use crate::state::State;

impl State {
    fn placement_group(&self, id: &str) -> Option<&PlacementGroup> {
        self.options.placement_groups.iter().find(|group| group.id == id)
    }

    /// Whether what a launch template says of its placement group can be had; a code and a sentence otherwise.
    pub(crate) fn check_placement(
        &self,
        template: &LaunchTemplateData,
    ) -> Result<(), (&'static str, String)> {
        let Some(id) = &template.placement_group_id else { return Ok(()) };
        let group = self.placement_group(id).ok_or_else(|| {
            ("InvalidPlacementGroup.Unknown", format!("the placement group {id} does not exist"))
        })?;
        let Some(wanted) = template.placement_partition else { return Ok(()) };
        let numbers = group.placement().partition_numbers();
        if numbers.contains(&wanted) {
            return Ok(());
        }
        let message =
            format!("the placement group {id} has {} partitions, not one {wanted}", numbers.count());
        Err(("InvalidParameterValue", message))
    }

    /// The partition of a new instance: the one that the launch template names, or one with the fewest instances.
    pub(crate) fn partition(&self, template: &LaunchTemplateData) -> Option<u32> {
        let group = self.placement_group(template.placement_group_id.as_ref()?)?;
        if template.placement_partition.is_some() {
            return template.placement_partition;
        }
        let held = |number: u32| {
            let alive = self.records.values().filter(|record| !record.instance.state.is_ending());
            let there = alive.filter(|record| {
                record.instance.placement_group.as_ref() == Some(&group.id)
                    && record.instance.placement_partition == Some(number)
            });
            there.count()
        };
        group.placement().partition_numbers().min_by_key(|number| held(*number))
    }
}
