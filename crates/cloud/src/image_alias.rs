//! EKS-optimised images by alias: which public parameters name them, what they are called, and which types they are for
//! (reference section 5.5).

use k8s_openapi::api::core::v1::NodeSelectorRequirement;
use supercargo_api::AmiFamily;
use supercargo_api::labels::keys;
use supercargo_catalog::Arch;
use thiserror::Error;

/// What hardware besides processors an image has drivers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageVariant {
    /// None.
    Standard,
    /// NVIDIA GPUs.
    Nvidia,
    /// Inferentia and Trainium.
    Neuron,
}

/// A line of images that gets a new release now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageLine {
    /// The operating system.
    pub family: AmiFamily,
    /// What it runs on.
    pub arch: Arch,
    /// What it has drivers for.
    pub variant: ImageVariant,
}

/// Why an alias names no image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AliasError {
    /// It is not a family and a version.
    #[error("{alias:?} is no alias: expected family@version, such as al2023@latest or bottlerocket@v1.52.0")]
    Form {
        /// The offending text, cut to 40 characters.
        alias: String,
    },
    /// The family has no images for this version of Kubernetes.
    #[error("{alias:?}: {family} has no images for Kubernetes {kubernetes_version}, {hint}")]
    Version {
        /// The alias.
        alias: String,
        /// The family in it.
        family: String,
        /// The version of the cluster.
        kubernetes_version: String,
        /// What would be right.
        hint: &'static str,
    },
    /// Windows images have no versions to choose from.
    #[error("{alias:?}: Windows images are only known as latest")]
    WindowsVersion {
        /// The alias.
        alias: String,
    },
}

/// The family and the version of an alias, checked against the cluster's version of Kubernetes.
pub fn read_alias<'a>(alias: &'a str, kubernetes_version: &str) -> Result<(AmiFamily, &'a str), AliasError> {
    let shown = || alias.chars().take(40).collect::<String>();
    let parts = alias.split_once('@').filter(|(_, version)| !version.is_empty());
    let parts = parts.and_then(|(name, version)| Some((name, AmiFamily::from_alias(name)?, version)));
    let Some((name, family, version)) = parts else { return Err(AliasError::Form { alias: shown() }) };
    let minor = kubernetes_version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    let refused = |hint: &'static str| AliasError::Version {
        alias: shown(),
        family: name.to_owned(),
        kubernetes_version: kubernetes_version.to_owned(),
        hint,
    };
    match family {
        AmiFamily::AL2 if minor.is_some_and(|minor| minor >= 33) => {
            Err(refused("use al2023 or bottlerocket from 1.33 on"))
        }
        AmiFamily::Windows2025 if minor.is_some_and(|minor| minor < 35) => {
            Err(refused("windows2025 needs at least 1.35"))
        }
        AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025 if version != "latest" => {
            Err(AliasError::WindowsVersion { alias: shown() })
        }
        _ => Ok((family, version)),
    }
}

/// All lines there are.
pub const IMAGE_LINES: [ImageLine; 15] = {
    const fn line(family: AmiFamily, arch: Arch, variant: ImageVariant) -> ImageLine {
        ImageLine { family, arch, variant }
    }
    use AmiFamily::{AL2, AL2023, Bottlerocket, Windows2019, Windows2022, Windows2025};
    use Arch::{Amd64, Arm64};
    use ImageVariant::{Neuron, Nvidia, Standard};
    [
        line(AL2023, Amd64, Standard),
        line(AL2023, Arm64, Standard),
        line(AL2023, Amd64, Nvidia),
        line(AL2023, Arm64, Nvidia),
        line(AL2023, Amd64, Neuron),
        line(AL2, Amd64, Standard),
        line(AL2, Arm64, Standard),
        line(AL2, Amd64, Nvidia),
        line(Bottlerocket, Amd64, Standard),
        line(Bottlerocket, Arm64, Standard),
        line(Bottlerocket, Amd64, Nvidia),
        line(Bottlerocket, Arm64, Nvidia),
        line(Windows2019, Amd64, Standard),
        line(Windows2022, Amd64, Standard),
        line(Windows2025, Amd64, Standard),
    ]
};

impl ImageLine {
    /// The lines of a family.
    pub fn of_family(family: AmiFamily) -> impl Iterator<Item = ImageLine> {
        IMAGE_LINES.into_iter().filter(move |line| line.family == family)
    }

    /// What an image of this line is called. Versions are `v20260819` for Amazon Linux, `v1.52.0` for Bottlerocket,
    /// `2026.08.19` for Windows.
    pub fn image_name(self, kubernetes: &str, version: &str) -> String {
        let arch = self.aws_arch();
        match (self.family, self.variant) {
            (AmiFamily::AL2, ImageVariant::Standard) if self.arch == Arch::Arm64 => {
                format!("amazon-eks-arm64-node-{kubernetes}-{version}")
            }
            (AmiFamily::AL2, ImageVariant::Standard) => format!("amazon-eks-node-{kubernetes}-{version}"),
            (AmiFamily::AL2, _) => format!("amazon-eks-gpu-node-{kubernetes}-{version}"),
            (AmiFamily::Bottlerocket, ImageVariant::Standard) => {
                format!("bottlerocket-aws-k8s-{kubernetes}-{arch}-{version}")
            }
            (AmiFamily::Bottlerocket, _) => {
                format!("bottlerocket-aws-k8s-{kubernetes}-nvidia-{arch}-{version}")
            }
            (AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025, _) => {
                let year = self.windows_year();
                format!("Windows_Server-{year}-English-Core-EKS_Optimized-{kubernetes}-{version}")
            }
            (AmiFamily::AL2023 | AmiFamily::Custom, variant) => {
                let variant = match variant {
                    ImageVariant::Standard => "standard",
                    ImageVariant::Nvidia => "nvidia",
                    ImageVariant::Neuron => "neuron",
                };
                format!("amazon-eks-node-al2023-{arch}-{variant}-{kubernetes}-{version}")
            }
        }
    }

    /// The public parameter that holds the id of an image of this line; the version is `latest` or one of
    /// [`image_name`](Self::image_name).
    pub fn parameter(self, kubernetes: &str, version: &str) -> String {
        let arch = self.aws_arch();
        let is_latest = version == "latest";
        let image = || {
            if is_latest { "recommended".to_owned() } else { self.image_name(kubernetes, version) }
        };
        match self.family {
            AmiFamily::AL2 => {
                let folder = match (self.arch, self.variant) {
                    (Arch::Arm64, _) => "amazon-linux-2-arm64",
                    (Arch::Amd64, ImageVariant::Standard) => "amazon-linux-2",
                    (Arch::Amd64, _) => "amazon-linux-2-gpu",
                };
                format!("/aws/service/eks/optimized-ami/{kubernetes}/{folder}/{}/image_id", image())
            }
            AmiFamily::Bottlerocket => {
                let variant = if self.variant == ImageVariant::Standard { "" } else { "-nvidia" };
                let version = version.trim_start_matches('v');
                format!("/aws/service/bottlerocket/aws-k8s-{kubernetes}{variant}/{arch}/{version}/image_id")
            }
            AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025 => {
                let year = self.windows_year();
                format!(
                    "/aws/service/ami-windows-latest/Windows_Server-{year}-English-Core-EKS_Optimized-{kubernetes}/image_id"
                )
            }
            AmiFamily::AL2023 | AmiFamily::Custom => {
                let variant = match self.variant {
                    ImageVariant::Standard => "standard",
                    ImageVariant::Nvidia => "nvidia",
                    ImageVariant::Neuron => "neuron",
                };
                format!(
                    "/aws/service/eks/optimized-ami/{kubernetes}/amazon-linux-2023/{arch}/{variant}/{}/image_id",
                    image()
                )
            }
        }
    }

    /// Which types its images are for, each list of requirements on its own: the image of Amazon Linux 2 for GPUs serves
    /// accelerators too. Windows has one image for all.
    pub fn requirements(self) -> Vec<Vec<NodeSelectorRequirement>> {
        let requirement = |key: &str, operator: &str, values: Option<Vec<String>>| NodeSelectorRequirement {
            key: key.to_owned(),
            operator: operator.to_owned(),
            values,
        };
        let arch = || requirement(keys::ARCH, "In", Some(vec![self.arch.as_str().to_owned()]));
        let (gpus, accelerators) = (keys::INSTANCE_GPU_COUNT, keys::INSTANCE_ACCELERATOR_COUNT);
        let exists = |key: &str| vec![arch(), requirement(key, "Exists", None)];
        let absent = |key: &str| requirement(key, "DoesNotExist", None);
        match (self.family, self.variant) {
            (AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025, _) => {
                vec![vec![arch()]]
            }
            (AmiFamily::Bottlerocket, ImageVariant::Standard) => vec![vec![arch(), absent(gpus)]],
            (_, ImageVariant::Standard) => vec![vec![arch(), absent(gpus), absent(accelerators)]],
            (AmiFamily::AL2, _) => vec![exists(gpus), exists(accelerators)],
            (_, ImageVariant::Nvidia) => vec![exists(gpus)],
            (_, ImageVariant::Neuron) => vec![exists(accelerators)],
        }
    }

    fn aws_arch(self) -> &'static str {
        match self.arch {
            Arch::Amd64 => "x86_64",
            Arch::Arm64 => "arm64",
        }
    }

    fn windows_year(self) -> &'static str {
        match self.family {
            AmiFamily::Windows2019 => "2019",
            AmiFamily::Windows2022 => "2022",
            _ => "2025",
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("al2023@latest", "1.36", AmiFamily::AL2023, "latest")]
    #[case("bottlerocket@v1.52.0", "1.36", AmiFamily::Bottlerocket, "v1.52.0")]
    #[case("al2@latest", "1.32", AmiFamily::AL2, "latest")]
    #[case("windows2025@latest", "1.35", AmiFamily::Windows2025, "latest")]
    fn an_alias_is_a_family_and_a_version(
        #[case] alias: &str,
        #[case] kubernetes: &str,
        #[case] family: AmiFamily,
        #[case] version: &str,
    ) {
        assert_eq!(read_alias(alias, kubernetes), Ok((family, version)));
    }

    #[rstest]
    #[case("al2023", "1.36", "is no alias")]
    #[case("al2023@", "1.36", "is no alias")]
    #[case("ubuntu@latest", "1.36", "is no alias")]
    #[case("al2@latest", "1.33", "use al2023 or bottlerocket")]
    #[case("windows2025@latest", "1.34", "needs at least 1.35")]
    #[case("windows2022@v1", "1.36", "only known as latest")]
    fn an_alias_without_images_says_why(
        #[case] alias: &str,
        #[case] kubernetes: &str,
        #[case] expected: &str,
    ) {
        let error = read_alias(alias, kubernetes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn the_parameters_are_those_that_aws_publishes() {
        let named = |line: usize, version: &str| IMAGE_LINES[line].parameter("1.36", version);
        for (line, version, expected) in [
            (
                0,
                "latest",
                "/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/x86_64/standard/recommended/image_id",
            ),
            (
                3,
                "v20260819",
                "/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/arm64/nvidia/amazon-eks-node-al2023-arm64-nvidia-1.36-v20260819/image_id",
            ),
            (5, "latest", "/aws/service/eks/optimized-ami/1.36/amazon-linux-2/recommended/image_id"),
            (10, "latest", "/aws/service/bottlerocket/aws-k8s-1.36-nvidia/x86_64/latest/image_id"),
            (8, "v1.52.0", "/aws/service/bottlerocket/aws-k8s-1.36/x86_64/1.52.0/image_id"),
            (
                13,
                "latest",
                "/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.36/image_id",
            ),
        ] {
            assert_eq!(named(line, version), expected);
        }
    }

    #[test]
    fn no_two_lines_share_a_name_or_a_parameter() {
        for of in [ImageLine::image_name, ImageLine::parameter] {
            let mut all: Vec<String> = IMAGE_LINES.iter().map(|line| of(*line, "1.32", "v1")).collect();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), IMAGE_LINES.len());
        }
    }
}
