//! Instance profiles: which one a class uses, and how the ones made for it are called (reference sections 5.6 and 9.3).

use serde_json::json;
use supercargo_api::EC2NodeClass;
use supercargo_api::labels::keys;
use supercargo_cloud::{CloudError, CloudProvider, ErrorKind, InstanceProfileRequest, Tags, tags};

use crate::digest::digest;

/// Where the profiles of a class are: `/karpenter/us-east-1/my-cluster/UID/`.
pub fn profile_path(region: &str, cluster: &str, class_uid: &str) -> String {
    format!("/karpenter/{region}/{cluster}/{class_uid}/")
}

/// What the profile of a class with this role is called: the same for the same class and role. Names are the account's,
/// so the region counts; they have 128 characters at most.
pub fn profile_name(region: &str, cluster: &str, class_uid: &str, role: &str) -> String {
    let digest = digest(&json!([[region], {"class": class_uid}, {"role": role}]));
    let room = 127 - digest.len();
    let cluster: String = cluster.chars().take(room).collect();
    format!("{cluster}_{digest}")
}

/// The name of the profile that a class uses; one is made where it names a role.
pub(super) async fn resolve(
    provider: &dyn CloudProvider,
    node_class: &EC2NodeClass,
    cluster: &str,
) -> Result<String, CloudError> {
    if let Some(name) = &node_class.spec.instance_profile {
        return Ok(provider.get_instance_profile(name).await?.name);
    }
    let role = node_class.spec.role.clone().unwrap_or_default();
    let uid = node_class.metadata.uid.clone().unwrap_or_default();
    let path = profile_path(provider.region(), cluster, &uid);
    let known = provider.list_instance_profiles(&path).await?;
    let fitting = known.into_iter().filter(|profile| profile.role.as_deref() == Some(&role));
    // of several the newest: it is what nodes were launched with last
    if let Some(profile) = fitting.max_by(|left, right| left.created_at.cmp(&right.created_at)) {
        return Ok(profile.name);
    }
    let name = profile_name(provider.region(), cluster, &uid, &role);
    let request = InstanceProfileRequest {
        name: name.clone(),
        path,
        role,
        tags: tags_of(node_class, cluster, provider),
    };
    match provider.create_instance_profile(&request).await {
        Ok(profile) => Ok(profile.name),
        Err(error) if error.kind == ErrorKind::AlreadyExists => Ok(name),
        Err(error) => Err(error),
    }
}

fn tags_of(node_class: &EC2NodeClass, cluster: &str, provider: &dyn CloudProvider) -> Tags {
    let class_name = node_class.metadata.name.as_deref().unwrap_or_default();
    let mut all = tags::of_launch(cluster, class_name, None, node_class.spec.tags.as_ref());
    all.insert(keys::REGION.to_owned(), provider.region().to_owned());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_for_the_same_class_and_role_and_never_too_long() {
        let name = profile_name("us-east-1", "prod", "uid-1", "node");
        assert_eq!(name, profile_name("us-east-1", "prod", "uid-1", "node"));
        assert!(name.starts_with("prod_"));
        assert_ne!(name, profile_name("us-east-1", "prod", "uid-1", "other"));
        assert_ne!(name, profile_name("eu-west-1", "prod", "uid-1", "node"));
        assert_ne!(name, profile_name("us-east-1", "prod", "node", "uid-1"));
        assert!(profile_name("us-east-1", &"c".repeat(300), "uid-1", "node").len() <= 128);
    }
}
