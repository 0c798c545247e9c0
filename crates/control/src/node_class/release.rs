//! What is taken away with a class: its launch templates and the instance profiles made for it (reference section 1.4).

use supercargo_cloud::{CloudError, CloudProvider, Selector, Tags, tags};

use super::profile::profile_path;

/// A class that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The name of the cluster.
    pub cluster: String,
    /// The name of the class.
    pub node_class: String,
    /// Its uid.
    pub uid: String,
}

impl Release {
    /// Takes away what was made for the class. What is gone already is no error.
    pub async fn perform(&self, provider: &dyn CloudProvider) -> Result<(), CloudError> {
        let gone = |result: Result<(), CloudError>| match result {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        };
        let made_for = Tags::from([
            (tags::EKS_CLUSTER.to_owned(), self.cluster.clone()),
            (tags::NODE_CLASS.to_owned(), self.node_class.clone()),
        ]);
        let selector = Selector { tags: made_for, ..Selector::default() };
        for template in provider.describe_launch_templates(&[selector]).await? {
            gone(provider.delete_launch_template(&template.name).await)?;
        }
        let path = profile_path(provider.region(), &self.cluster, &self.uid);
        for profile in provider.list_instance_profiles(&path).await? {
            gone(provider.delete_instance_profile(&profile.name).await)?;
        }
        Ok(())
    }
}
