//! The arguments of `supercargo install`.

use std::path::PathBuf;

use clap::Args;

use crate::controller::CloudChoice;

/// Install the controllers into a cluster.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Creates what the controllers need in a cluster, by server-side apply: the definitions of the custom resources, \
                  a ServiceAccount with its permissions, a Service for metrics, a PodDisruptionBudget and the Deployment. \
                  With --dry-run it prints all of it as YAML instead, and needs no cluster.",
    after_help = "Examples:\n  \
                  supercargo install --dry-run | kubectl apply --server-side -f -\n  \
                  supercargo install --only-definitions\n  \
                  supercargo install --set CLUSTER_NAME=shop --set INTERRUPTION_QUEUE=shop --namespace kube-system\n  \
                  supercargo install --set CLUSTER_NAME=shop --cost-port 9003 --cost-claim ledger"
)]
pub struct Arguments {
    /// Print the objects as YAML; create nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only the definitions of the custom resources
    #[arg(long)]
    pub only_definitions: bool,
    /// The kubeconfig [default: $KUBECONFIG, .supercargo/kubeconfig, ~/.kube/config]
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of everything that lives in one
    #[arg(long, value_name = "NAMESPACE", default_value = "kube-system")]
    pub namespace: String,
    /// The image [default: that of this version]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// How many replicas; one works, the others wait
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub replicas: u32,
    /// Where machines come from
    #[arg(long, value_enum, value_name = "CLOUD", default_value = "aws")]
    pub cloud: CloudChoice,
    /// Port of the costs, with the permissions that measuring needs; 0 is none
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub cost_port: u16,
    /// A PersistentVolumeClaim that the ledger of costs is kept on; of several replicas all must be able to mount it
    #[arg(long, value_name = "NAME")]
    pub cost_claim: Option<String>,
    /// A setting of the controllers, by its environment variable: NAME=VALUE; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// Take over fields that others own, such as a chart that created the definitions
    #[arg(long, conflicts_with = "dry_run")]
    pub force: bool,
}
