//! What is asked of the cloud about a class.

use std::sync::Arc;

use jiff::Timestamp;
use supercargo_api::EC2NodeClass;
use supercargo_cloud::{
    AllocationStrategy, CloudError, CloudProvider, ErrorKind, FleetConfig, FleetOverride, FleetRequest,
    LaunchTemplateData, LaunchTemplateRequest, PlacementGroup, PurchaseOption, Selector, resolve, tags,
};

use super::found::{Found, Rehearsal};
use super::profile;

/// Which aspects are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Machine images.
    pub images: bool,
    /// Subnets, security groups, capacity reservations, the placement group.
    pub network: bool,
    /// The instance profile.
    pub profile: bool,
    /// Whether launches would be permitted.
    pub rehearsal: bool,
}

impl Wants {
    /// Whether anything is asked for.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// What is asked of the cloud about a class.
#[derive(Clone, Debug)]
pub struct Question {
    /// The class.
    pub node_class: Arc<EC2NodeClass>,
    /// The name of the cluster.
    pub cluster: String,
    /// The cluster's version: `1.36`.
    pub kubernetes_version: String,
    /// Which aspects.
    pub wants: Wants,
    /// The time of asking.
    pub now: Timestamp,
}

impl Question {
    /// Asks one thing after the other.
    pub async fn ask(&self, provider: &dyn CloudProvider) -> Found {
        let spec = &self.node_class.spec;
        let mut found = Found::default();
        if self.wants.images {
            let version = &self.kubernetes_version;
            let images = resolve::images(provider, &spec.ami_selector_terms, version, self.now).await;
            found.images = Some(images);
        }
        if self.wants.network {
            let terms = spec.capacity_reservation_selector_terms.as_deref().unwrap_or_default();
            found.reservations = Some(resolve::reservations(provider, terms, self.now).await);
            found.placement_group = Some(self.placement_group(provider).await);
            found.subnets = Some(resolve::subnets(provider, &spec.subnet_selector_terms).await);
            let terms = &spec.security_group_selector_terms;
            found.security_groups = Some(resolve::security_groups(provider, terms).await);
        }
        if self.wants.profile {
            found.profile = Some(profile::resolve(provider, &self.node_class, &self.cluster).await);
        }
        if self.wants.rehearsal {
            found.rehearsal = Some(self.rehearse(provider).await);
        }
        found
    }

    /// The placement group, if one is selected.
    async fn placement_group(
        &self,
        provider: &dyn CloudProvider,
    ) -> Result<Option<PlacementGroup>, CloudError> {
        let Some(wanted) = &self.node_class.spec.placement_group_selector else { return Ok(None) };
        let selector = Selector { id: wanted.id.clone(), name: wanted.name.clone(), ..Selector::default() };
        Ok(provider.describe_placement_groups(&[selector]).await?.into_iter().next())
    }

    /// Whether launch templates and fleets may be made. Nothing is: both calls are dry runs.
    async fn rehearse(&self, provider: &dyn CloudProvider) -> Rehearsal {
        let class_name = self.node_class.metadata.name.as_deref().unwrap_or_default();
        let all =
            tags::of_launch(&self.cluster, class_name, Some("rehearsal"), self.node_class.spec.tags.as_ref());
        let name = format!("karpenter.k8s.aws/rehearsal-{class_name}");
        let name: String = name.chars().take(128).collect();
        let template = LaunchTemplateRequest {
            name: name.clone(),
            data: LaunchTemplateData { tags: all.clone(), ..LaunchTemplateData::default() },
            tags: all.clone(),
            dry_run: true,
        };
        let template = provider.create_launch_template(&template).await;
        if let Some(verdict) = refusal(template.err(), Rehearsal::TemplateRefused) {
            return verdict;
        }
        let fleet = FleetRequest {
            configs: vec![FleetConfig { launch_template: name, overrides: vec![FleetOverride::default()] }],
            target_capacity: 1,
            purchase: PurchaseOption::OnDemand,
            strategy: AllocationStrategy::LowestPrice,
            instance_tags: all.clone(),
            fleet_tags: all,
            context: None,
            client_token: None,
            dry_run: true,
        };
        let fleet = provider.create_fleet(&fleet).await;
        refusal(fleet.err(), Rehearsal::FleetRefused).unwrap_or(Rehearsal::Permitted)
    }
}

/// What a dry run says: that permission is missing, that nobody can tell now, or nothing bad. That a template does not
/// exist is only found out by who may use it.
fn refusal(error: Option<CloudError>, refused: fn(String) -> Rehearsal) -> Option<Rehearsal> {
    let error = error?;
    match error.kind {
        ErrorKind::Unauthorized => Some(refused(error.to_string())),
        ErrorKind::Throttled | ErrorKind::Internal => Some(Rehearsal::Unclear),
        _ => None,
    }
}
