//! Requests to the cloud, as values.

use std::collections::BTreeMap;

use supercargo_cloud::launch::{self, LaunchFailure, LaunchPlan, Launched, Launcher};
use supercargo_cloud::{
    CloudError, CloudProvider, Instance, InstanceQuery, InstanceStatus, QueueMessage, ReceiveRequest,
    SpotPrice, StateChange, Tags, TypeOffering,
};

use crate::garbage::Sweep;
use crate::launching::Company;
use crate::node_class::{Found, Question, Release};

/// A request to the cloud.
#[derive(Clone, Debug)]
pub enum CloudRequest {
    /// Launch one instance.
    Launch(Box<Launch>),
    /// Which instances are there.
    DescribeInstances(InstanceQuery),
    /// How the running instances are.
    DescribeInstanceStatus,
    /// End instances.
    TerminateInstances(Vec<String>),
    /// Tag instances.
    CreateTags(Vec<String>, Tags),
    /// Messages of the interruption queue.
    ReceiveMessages(ReceiveRequest),
    /// A message has been dealt with.
    DeleteMessage(String),
    /// Spot prices of now.
    DescribeSpotPrices,
    /// Which types are sold in which zone.
    DescribeTypeOfferings,
    /// Which zones a cluster is shifted away from.
    GetManagedResource(String),
    /// What an EC2NodeClass selects.
    ResolveNodeClass(Box<Question>),
    /// What was made for an EC2NodeClass is no longer needed.
    ReleaseNodeClass(Release),
    /// Delete instance profiles and launch templates that nothing uses.
    Sweep(Sweep),
}

/// A launch for a claim.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What is to be called.
    pub plan: LaunchPlan,
    /// The name of the claim.
    pub claim: String,
    /// With whom it may be called for.
    pub company: Company,
}

/// What came of it.
#[derive(Debug)]
pub enum CloudAnswer {
    /// Of [`CloudRequest::Launch`].
    Launched(Result<Launched, LaunchFailure>),
    /// Of [`CloudRequest::DescribeInstances`].
    Instances(Result<Vec<Instance>, CloudError>),
    /// Of [`CloudRequest::DescribeInstanceStatus`].
    Statuses(Result<Vec<InstanceStatus>, CloudError>),
    /// Of [`CloudRequest::TerminateInstances`].
    Terminated(Result<Vec<StateChange>, CloudError>),
    /// Of what has no answer but success.
    Done(Result<(), CloudError>),
    /// Of [`CloudRequest::ReceiveMessages`].
    Messages(Result<Vec<QueueMessage>, CloudError>),
    /// Of [`CloudRequest::DescribeSpotPrices`].
    SpotPrices(Result<Vec<SpotPrice>, CloudError>),
    /// Of [`CloudRequest::DescribeTypeOfferings`].
    TypeOfferings(Result<Vec<TypeOffering>, CloudError>),
    /// Of [`CloudRequest::GetManagedResource`]: weights by zone id.
    ZoneWeights(Result<BTreeMap<String, f64>, CloudError>),
    /// Of [`CloudRequest::ResolveNodeClass`].
    NodeClass(Box<Found>),
    /// Of [`CloudRequest::Sweep`]: the launch templates that are left.
    Swept(Result<Vec<String>, CloudError>),
}

impl CloudRequest {
    /// What metrics call it; nothing for launches, which are counted by who asks for them, and for messages, which are waited for.
    pub(super) fn method(&self) -> Option<&'static str> {
        Some(match self {
            Self::Launch(_) | Self::ReceiveMessages(_) => return None,
            Self::DescribeInstances(_) => "List",
            Self::DescribeInstanceStatus => "DescribeInstanceStatus",
            Self::TerminateInstances(_) => "Delete",
            Self::CreateTags(..) => "CreateTags",
            Self::DeleteMessage(_) => "DeleteMessage",
            Self::DescribeSpotPrices => "DescribeSpotPrices",
            Self::DescribeTypeOfferings => "DescribeTypeOfferings",
            Self::GetManagedResource(_) => "GetManagedResource",
            Self::ResolveNodeClass(_) => "ResolveNodeClass",
            Self::ReleaseNodeClass(_) => "ReleaseNodeClass",
            Self::Sweep(_) => "Sweep",
        })
    }
}

impl CloudAnswer {
    /// The code of the error, if that is what the answer is.
    pub(super) fn error(&self) -> Option<&str> {
        let error = match self {
            Self::Instances(Err(error))
            | Self::Statuses(Err(error))
            | Self::Terminated(Err(error))
            | Self::Done(Err(error))
            | Self::Messages(Err(error))
            | Self::SpotPrices(Err(error))
            | Self::TypeOfferings(Err(error))
            | Self::ZoneWeights(Err(error))
            | Self::Swept(Err(error)) => error,
            _ => return None,
        };
        Some(&error.code)
    }
}

/// Asks the cloud.
pub(super) async fn ask(
    provider: &dyn CloudProvider,
    launcher: &dyn Launcher,
    request: &CloudRequest,
) -> CloudAnswer {
    match request {
        CloudRequest::Launch(launch) => CloudAnswer::Launched(launch::perform(launcher, &launch.plan).await),
        CloudRequest::DescribeInstances(query) => {
            CloudAnswer::Instances(provider.describe_instances(query).await)
        }
        CloudRequest::DescribeInstanceStatus => {
            CloudAnswer::Statuses(provider.describe_instance_status().await)
        }
        CloudRequest::TerminateInstances(ids) => {
            CloudAnswer::Terminated(provider.terminate_instances(ids).await)
        }
        CloudRequest::CreateTags(ids, tags) => CloudAnswer::Done(provider.create_tags(ids, tags).await),
        CloudRequest::ReceiveMessages(request) => {
            CloudAnswer::Messages(provider.receive_messages(*request).await)
        }
        CloudRequest::DeleteMessage(receipt) => CloudAnswer::Done(provider.delete_message(receipt).await),
        CloudRequest::DescribeSpotPrices => CloudAnswer::SpotPrices(provider.describe_spot_prices().await),
        CloudRequest::DescribeTypeOfferings => {
            CloudAnswer::TypeOfferings(provider.describe_instance_type_offerings().await)
        }
        CloudRequest::GetManagedResource(cluster) => {
            CloudAnswer::ZoneWeights(provider.get_managed_resource(cluster).await)
        }
        CloudRequest::ResolveNodeClass(question) => {
            CloudAnswer::NodeClass(Box::new(question.ask(provider).await))
        }
        CloudRequest::Sweep(sweep) => CloudAnswer::Swept(sweep.perform(provider).await),
        CloudRequest::ReleaseNodeClass(release) => CloudAnswer::Done(release.perform(provider).await),
    }
}
