//! How the operating systems differ where capacity is concerned (reference section 5.2).

use supercargo_api::AmiFamily;

/// What a family's images do.
pub(crate) struct FamilyTraits {
    /// Pods are limited by the addresses of the network interfaces.
    pub eni_limited: bool,
    /// `podsPerCore` has an effect.
    pub pods_per_core: bool,
    /// The kubelet's memory is reserved for as many pods as the interfaces allow, whatever `maxPods` says.
    pub reserves_for_eni_limited_pods: bool,
    /// Windows.
    pub is_windows: bool,
    /// The volume the kubelet keeps its files on.
    pub ephemeral_device: &'static str,
    /// Default size of that volume in GiB.
    pub ephemeral_gib: i64,
    /// Volumes a node has if the class names none.
    pub default_volumes: u32,
}

impl FamilyTraits {
    pub(crate) fn of(family: AmiFamily) -> FamilyTraits {
        match family {
            AmiFamily::AL2 | AmiFamily::AL2023 | AmiFamily::Custom => FamilyTraits {
                eni_limited: true,
                pods_per_core: true,
                reserves_for_eni_limited_pods: true,
                is_windows: false,
                ephemeral_device: "/dev/xvda",
                ephemeral_gib: 20,
                default_volumes: 1,
            },
            AmiFamily::Bottlerocket => FamilyTraits {
                eni_limited: true,
                pods_per_core: false,
                reserves_for_eni_limited_pods: false,
                is_windows: false,
                ephemeral_device: "/dev/xvdb",
                ephemeral_gib: 20,
                default_volumes: 2,
            },
            AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025 => FamilyTraits {
                eni_limited: false,
                pods_per_core: true,
                reserves_for_eni_limited_pods: false,
                is_windows: true,
                ephemeral_device: "/dev/sda1",
                ephemeral_gib: 50,
                default_volumes: 1,
            },
        }
    }
}
