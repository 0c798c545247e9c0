//! The definitions of the custom resources.

/// The definition of a custom resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name: `nodepools.karpenter.sh`.
    pub name: &'static str,
    /// The whole object, as YAML.
    pub yaml: &'static str,
}

/// All definitions, in the order of their names.
pub fn definitions() -> [Definition; 5] {
    [
        Definition {
            name: "capacitybuffers.autoscaling.x-k8s.io",
            yaml: include_str!("../../../../crds/autoscaling.x-k8s.io_capacitybuffers.yaml"),
        },
        Definition {
            name: "ec2nodeclasses.karpenter.k8s.aws",
            yaml: include_str!("../../../../crds/karpenter.k8s.aws_ec2nodeclasses.yaml"),
        },
        Definition {
            name: "nodeclaims.karpenter.sh",
            yaml: include_str!("../../../../crds/karpenter.sh_nodeclaims.yaml"),
        },
        Definition {
            name: "nodeoverlays.karpenter.sh",
            yaml: include_str!("../../../../crds/karpenter.sh_nodeoverlays.yaml"),
        },
        Definition {
            name: "nodepools.karpenter.sh",
            yaml: include_str!("../../../../crds/karpenter.sh_nodepools.yaml"),
        },
    ]
}
