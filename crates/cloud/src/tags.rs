//! Tags: keys that have a meaning, and the tags of what a NodeClaim is made into (reference sections 5.4 step 10 and
//! 9.3).

use std::collections::BTreeMap;

use supercargo_api::labels::keys;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Says which NodePool an instance was launched for.
pub const NODEPOOL: &str = keys::NODEPOOL;
/// Says which NodeClaim an instance was launched for; set once its node's name is known.
pub const NODECLAIM: &str = "karpenter.sh/nodeclaim";
/// Says which EC2NodeClass an instance was launched from.
pub const NODE_CLASS: &str = keys::EC2_NODE_CLASS;
/// Says which EKS cluster an instance belongs to.
pub const EKS_CLUSTER: &str = "eks:eks-cluster-name";
/// The name shown in consoles; the node's name.
pub const NAME: &str = "Name";
/// By which subnets and security groups are found by convention.
pub const DISCOVERY: &str = "karpenter.sh/discovery";

/// The key that says that something belongs to a cluster, with the value `owned`.
pub fn cluster_key(cluster: &str) -> String {
    format!("kubernetes.io/cluster/{cluster}")
}

/// The tags of an instance, its volumes and its fleet: those of the user, and over them those by which it is found
/// again.
pub fn of_launch(cluster: &str, node_class: &str, node_pool: Option<&str>, user: Option<&Tags>) -> Tags {
    let mut tags = user.cloned().unwrap_or_default();
    tags.insert(cluster_key(cluster), "owned".to_owned());
    tags.insert(EKS_CLUSTER.to_owned(), cluster.to_owned());
    tags.insert(NODE_CLASS.to_owned(), node_class.to_owned());
    if let Some(node_pool) = node_pool {
        tags.insert(NODEPOOL.to_owned(), node_pool.to_owned());
    }
    tags
}

/// The tags that are added once the node's name is known.
pub fn of_node(claim: &str, node: &str) -> Tags {
    BTreeMap::from([(NODECLAIM.to_owned(), claim.to_owned()), (NAME.to_owned(), node.to_owned())])
}
