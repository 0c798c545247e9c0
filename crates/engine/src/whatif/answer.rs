//! Questions and answers.

use supercargo_catalog::Usd;

use crate::market::{OfferMask, TypeSet, TypeTable};

/// Which new nodes may be spot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpotRule {
    /// Any may.
    #[default]
    Free,
    /// None may: the nodes that go are spot, and spot is not to replace spot (reference section 4.12).
    Forbidden,
    /// Any may that can be at least this many cheaper types; no more than these are listed.
    Flexible(usize),
}

/// What may be done for pods that lose their node.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// At most this many new nodes.
    pub max_new_nodes: u32,
    /// New nodes must cost less than this together, in dollars per hour; no limit where absent.
    pub below: Option<Usd>,
    /// Whether the rooms that stay may take pods.
    pub use_rooms: bool,
    /// Which new nodes may be spot.
    pub spot: SpotRule,
}

impl Ask {
    /// Rooms that stay, and no new node.
    pub const ROOMS_ONLY: Ask = Ask { max_new_nodes: 0, below: None, use_rooms: true, spot: SpotRule::Free };
}

/// A new node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Index of the variant in the [`Layout`](super::Layout).
    pub variant: u32,
    /// Index of the type it is bought as.
    pub type_index: u32,
    /// Offering key it is bought under.
    pub offer: u8,
    /// Dollars per hour.
    pub price: Usd,
    /// Types that would do for its pods, at no more than the move allows.
    pub types: TypeSet,
    /// Offerings that would do.
    pub offers: OfferMask,
    /// Pods by class.
    pub contents: Vec<(u32, u32)>,
}

impl Fresh {
    /// What it counts against a limit of its NodePool: the most that it may turn out to have.
    pub(crate) fn counted(&self, table: &TypeTable, resource: &str) -> i64 {
        if resource == "nodes" {
            return 1;
        }
        let all = self.types.ones().chain([self.type_index as usize]);
        all.map(|index| table.types[index].capacity.get(resource)).max().unwrap_or(0)
    }
}

/// Where a pod goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An existing room, or one that an applied move brought.
    Room(u32),
    /// The n-th new node.
    New(u32),
}

/// Where all pods of the rooms that go have a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relocation {
    /// By pod.
    pub placements: Vec<(u32, Place)>,
    /// Nodes that come.
    pub new_nodes: Vec<Fresh>,
}

impl Relocation {
    /// Dollars per hour of the nodes that come.
    pub fn price(&self) -> Usd {
        self.new_nodes.iter().fold(Usd::ZERO, |sum, node| sum + node.price)
    }
}

/// Why pods have no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranded {
    /// Classes and how many pods of each found no room.
    pub left: Vec<(u32, u32)>,
}

/// Whether the rooms can go.
pub type Answer = Result<Relocation, Stranded>;
