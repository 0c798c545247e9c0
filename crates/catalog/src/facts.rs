//! What EC2 says about an instance type: the raw facts, before any node class has a say.
//!
//! The fields follow `DescribeInstanceTypes`, reduced to what labels (reference row 1.7), capacity
//! (section 5.2) and compatibility (section 5.3) are computed from.

/// Processor architecture, in Kubernetes' words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 64-bit x86.
    #[default]
    Amd64,
    /// 64-bit Arm (Graviton).
    Arm64,
}

impl Arch {
    /// The value of the label `kubernetes.io/arch`: `amd64` or `arm64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Arch::Amd64 => "amd64",
            Arch::Arm64 => "arm64",
        }
    }
}

/// What runs the instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hypervisor {
    /// The Nitro hypervisor.
    #[default]
    Nitro,
    /// Xen: the types before Nitro.
    Xen,
    /// None: the whole machine is rented (`.metal`).
    BareMetal,
}

impl Hypervisor {
    /// The value of the label `karpenter.k8s.aws/instance-hypervisor`; empty for bare metal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Hypervisor::Nitro => "nitro",
            Hypervisor::Xen => "xen",
            Hypervisor::BareMetal => "",
        }
    }
}

/// A network card of an instance type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkCard {
    /// Network interfaces that can be attached to this card.
    pub max_interfaces: u32,
    /// Whether the card takes Elastic Fabric Adapter interfaces.
    pub efa: bool,
}

/// One kind of GPU in an instance type.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gpu {
    /// `A10G`, as EC2 spells it.
    pub name: String,
    /// `NVIDIA`, `AMD` or `Habana`.
    pub manufacturer: String,
    /// Whole devices; zero where only a slice of one is sold.
    pub count: u32,
    /// Memory of one device in MiB.
    pub memory_mib: u64,
}

/// The machine-learning accelerator of an instance type.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Accelerator {
    /// `Inferentia2`, as EC2 spells it.
    pub name: String,
    /// `AWS` or `Qualcomm`.
    pub manufacturer: String,
    /// Devices.
    pub count: u32,
    /// Neuron cores of one device; zero for what is not a Neuron device.
    pub neuron_cores_each: u32,
}

/// Everything the catalogue knows about an instance type that does not depend on place or price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeFacts {
    /// `m7i.2xlarge`.
    pub name: String,
    /// Default number of vCPUs.
    pub vcpus: u32,
    /// Nominal memory in MiB.
    pub memory_mib: u64,
    /// Processor architecture.
    pub arch: Arch,
    /// `Intel`, `AMD` or `AWS`.
    pub cpu_manufacturer: String,
    /// Sustained clock in MHz; zero if EC2 does not say.
    pub clock_mhz: u32,
    /// What runs the instance.
    pub hypervisor: Hypervisor,
    /// Whether it earns and spends CPU credits.
    pub burstable: bool,
    /// Whether AWS counts it among the current generation.
    pub current_generation: bool,
    /// Sold on demand.
    pub sold_on_demand: bool,
    /// Sold as spot capacity.
    pub sold_as_spot: bool,
    /// Traffic between instances is encrypted in transit.
    pub encryption_in_transit: bool,
    /// Nitro Enclaves can be started on it.
    pub nitro_enclaves: bool,
    /// Virtual machines can be started in it.
    pub nested_virtualization: bool,
    /// May be launched into a cluster placement group.
    pub cluster_placement: bool,
    /// Index of the network card that carries the primary interface.
    pub default_card: u32,
    /// The network cards in order of their index.
    pub cards: Vec<NetworkCard>,
    /// IPv4 addresses of one network interface, its primary address included.
    pub ipv4_per_interface: u32,
    /// Elastic Fabric Adapter interfaces at most.
    pub max_efa_interfaces: u32,
    /// Baseline network bandwidth in Mbps; none where AWS only gives a vague word.
    pub network_bandwidth_mbps: Option<u64>,
    /// Maximum EBS bandwidth in Mbps, only for types that are EBS-optimised by default.
    pub ebs_bandwidth_mbps: Option<u64>,
    /// EBS volumes at most, the root volume included, with one network interface attached.
    pub max_ebs_attachments: u32,
    /// Network interfaces and EBS volumes draw on one shared limit.
    pub ebs_limit_shared: bool,
    /// Total size of the instance store in GB.
    pub instance_store_gb: Option<u64>,
    /// The instance store is NVMe.
    pub instance_store_nvme: bool,
    /// The GPUs, by kind.
    pub gpus: Vec<Gpu>,
    /// The accelerator, if there is one.
    pub accelerator: Option<Accelerator>,
    /// Branch network interfaces at most (pod ENIs); zero if the type cannot trunk.
    pub branch_interfaces: u32,
}

impl TypeFacts {
    /// The part of the name before the dot: `m7i`.
    pub fn family(&self) -> &str {
        self.name.split_once('.').map_or(self.name.as_str(), |(family, _)| family)
    }

    /// The part of the name after the dot: `2xlarge`.
    pub fn size(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, size)| size)
    }

    /// The letters the name begins with: `m`, `hpc`; none for names of another form, such as `u-6tb1.metal`.
    pub fn category(&self) -> Option<&str> {
        self.category_and_generation().map(|(category, _)| category)
    }

    /// The number after the category: `7`.
    pub fn generation(&self) -> Option<&str> {
        self.category_and_generation().map(|(_, generation)| generation)
    }

    /// Letters, then optionally `-<digits>tb`, then digits (reference row 1.7).
    fn category_and_generation(&self) -> Option<(&str, &str)> {
        let (family, _) = self.name.rsplit_once('.')?;
        let letters = family.bytes().take_while(u8::is_ascii_lowercase).count();
        let (category, rest) = family.split_at(letters);
        if category.is_empty() {
            return None;
        }
        let digits_of = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let after_terabytes = rest.strip_prefix('-').and_then(|terabytes| {
            let digits = digits_of(terabytes);
            let tail = terabytes.get(digits..)?.strip_prefix("tb")?;
            (digits > 0 && digits_of(tail) > 0).then_some(tail)
        });
        let numbered = after_terabytes.unwrap_or(rest);
        let digits = digits_of(numbered);
        (digits > 0).then(|| (category, &numbered[..digits]))
    }

    /// The card that carries the primary interface.
    pub fn primary_card(&self) -> NetworkCard {
        self.cards.get(self.default_card as usize).copied().unwrap_or_default()
    }

    /// Whether it is built on Nitro: virtual on the Nitro hypervisor, or bare metal.
    pub fn is_nitro(&self) -> bool {
        self.hypervisor != Hypervisor::Xen
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn named(name: &str) -> TypeFacts {
        TypeFacts { name: name.to_owned(), ..TypeFacts::default() }
    }

    #[rstest]
    #[case("m7i.2xlarge", "m7i", "2xlarge", Some("m"), Some("7"))]
    #[case("c7i-flex.large", "c7i-flex", "large", Some("c"), Some("7"))]
    #[case("hpc7a.12xlarge", "hpc7a", "12xlarge", Some("hpc"), Some("7"))]
    #[case("u-6tb1.56xlarge", "u-6tb1", "56xlarge", Some("u"), Some("1"))]
    #[case("u7in-16tb.224xlarge", "u7in-16tb", "224xlarge", Some("u"), Some("7"))]
    #[case("p6-b200.48xlarge", "p6-b200", "48xlarge", Some("p"), Some("6"))]
    #[case("m8i.metal-48xl", "m8i", "metal-48xl", Some("m"), Some("8"))]
    #[case("oddity", "oddity", "", None, None)]
    #[case("x.large", "x", "large", None, None)]
    #[case("9z.large", "9z", "large", None, None)]
    fn a_name_is_taken_apart_as_row_1_7_says(
        #[case] name: &str,
        #[case] family: &str,
        #[case] size: &str,
        #[case] category: Option<&str>,
        #[case] generation: Option<&str>,
    ) {
        let facts = named(name);
        assert_eq!((facts.family(), facts.size()), (family, size));
        assert_eq!((facts.category(), facts.generation()), (category, generation));
    }
}
