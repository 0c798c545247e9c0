//! Resource amounts as fixed arrays, so that a fit check is a handful of comparisons.
//!
//! The first four places are cpu (millicores), memory (bytes), ephemeral storage (bytes) and pods (count). The
//! rest belong to extended resources and CSI volume slots, numbered by [`ResourceNames`] in order of first mention
//! by a pod. Resources that no pod asks for have no place: they can never keep a pod out.

use std::ops::{Index, IndexMut};

use supercargo_api::resources::Resources;

/// How many resources one snapshot can tell apart.
pub const WIDTH: usize = 12;
/// Place of cpu, in millicores.
pub const CPU: usize = 0;
/// Place of memory, in bytes.
pub const MEMORY: usize = 1;
/// Place of ephemeral storage, in bytes.
pub const EPHEMERAL_STORAGE: usize = 2;
/// Place of the pod count.
pub const PODS: usize = 3;

/// Prefix of the made-up resource that counts a CSI driver's volume attachments.
pub const VOLUME_PREFIX: &str = "volumes/";

/// More of anything than a node can have, and still small enough to add up: no limit is known.
pub const PLENTY: i64 = 1 << 50;

/// Amounts by place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amounts(pub [i64; WIDTH]);

impl Index<usize> for Amounts {
    type Output = i64;
    fn index(&self, place: usize) -> &i64 {
        &self.0[place]
    }
}

impl IndexMut<usize> for Amounts {
    fn index_mut(&mut self, place: usize) -> &mut i64 {
        &mut self.0[place]
    }
}

impl Amounts {
    /// Nothing of anything.
    pub const ZERO: Amounts = Amounts([0; WIDTH]);

    /// Whether this fits into `room` in every place. A request of zero fits even where room is negative, as with
    /// the Kubernetes scheduler.
    #[inline]
    pub fn fits(&self, room: &Amounts) -> bool {
        self.0.iter().zip(&room.0).all(|(need, have)| need <= have || *need == 0)
    }

    /// Adds, saturating.
    #[inline]
    pub fn add(&mut self, other: &Amounts) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// Subtracts, saturating.
    #[inline]
    pub fn subtract(&mut self, other: &Amounts) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_sub(*theirs);
        }
    }

    /// Sum.
    #[inline]
    pub fn plus(mut self, other: &Amounts) -> Amounts {
        self.add(other);
        self
    }

    /// Difference.
    #[inline]
    pub fn minus(mut self, other: &Amounts) -> Amounts {
        self.subtract(other);
        self
    }

    /// Every place times `count`, saturating.
    #[inline]
    pub fn times(mut self, count: i64) -> Amounts {
        for mine in &mut self.0 {
            *mine = mine.saturating_mul(count);
        }
        self
    }

    /// The larger of the two in every place.
    #[inline]
    pub fn at_least(mut self, other: &Amounts) -> Amounts {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
        self
    }

    /// The smaller of the two in every place.
    #[inline]
    pub fn at_most(mut self, other: &Amounts) -> Amounts {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).min(*theirs);
        }
        self
    }

    /// How many copies of `self` fit into `room`.
    #[inline]
    pub fn copies_in(&self, room: &Amounts) -> u32 {
        let mut copies = i64::from(u32::MAX);
        for (need, have) in self.0.iter().zip(&room.0) {
            if *need > 0 {
                if have < need {
                    return 0;
                }
                // Nearly every fit is a few copies; a division costs more than the rest of this function.
                if *have < need.saturating_mul(copies) {
                    copies = have / need;
                }
            }
        }
        u32::try_from(copies).unwrap_or(u32::MAX)
    }
}

/// The names behind the places.
#[derive(Clone, Debug)]
pub struct ResourceNames {
    names: Vec<String>,
}

impl Default for ResourceNames {
    fn default() -> Self {
        Self { names: ["cpu", "memory", "ephemeral-storage", "pods"].map(String::from).to_vec() }
    }
}

impl ResourceNames {
    /// The place of a resource, if any pod asked for it.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The place of a resource, made when new. `None` when all places are taken.
    pub fn intern(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.place(name) {
            return Some(place);
        }
        if self.names.len() == WIDTH {
            return None;
        }
        self.names.push(name.to_owned());
        Some(self.names.len() - 1)
    }

    /// The name at a place.
    pub fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", String::as_str)
    }

    /// How many places are in use.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never: the four core resources always have a place.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Amounts of the known resources; unknown names are left out.
    pub fn amounts(&self, resources: &Resources) -> Amounts {
        let mut amounts = Amounts::ZERO;
        for (place, name) in self.names.iter().enumerate() {
            amounts[place] = resources.get(name);
        }
        amounts
    }

    /// Back to names, zero places left out.
    pub fn resources(&self, amounts: &Amounts) -> Resources {
        let mut resources = Resources::default();
        for (place, name) in self.names.iter().enumerate() {
            if amounts[place] != 0 {
                resources.set(name, amounts[place]);
            }
        }
        resources
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(cpu: i64, memory: i64) -> Amounts {
        let mut amounts = Amounts::ZERO;
        amounts[CPU] = cpu;
        amounts[MEMORY] = memory;
        amounts
    }

    #[test]
    fn a_request_of_zero_fits_where_room_is_overdrawn() {
        assert!(amounts(0, 5).fits(&amounts(-3, 5)));
        assert!(!amounts(1, 5).fits(&amounts(-3, 5)));
    }

    #[test]
    fn copies_are_bounded_by_the_scarcest_resource() {
        assert_eq!(amounts(2, 3).copies_in(&amounts(10, 9)), 3);
        assert_eq!(amounts(2, 3).copies_in(&amounts(1, 90)), 0);
        assert_eq!(Amounts::ZERO.copies_in(&amounts(1, 1)), u32::MAX);
    }

    #[test]
    fn names_past_the_last_place_are_refused() {
        let mut names = ResourceNames::default();
        for index in 4..WIDTH {
            assert_eq!(names.intern(&format!("example.com/{index}")), Some(index));
        }
        assert_eq!(names.intern("example.com/one-too-many"), None);
        assert_eq!(names.intern("cpu"), Some(CPU));
    }
}
