//! The compiled catalogue: instance types as columns, offerings as bits.
//!
//! A requirement is asked once per distinct label value, never once per type; its answer is a set of types
//! ([`TypeSet`]) or, for zone, capacity type and the like, a set of offering keys ([`OfferMask`]).
//!
//! ```text
//! Vec<InstanceType> per NodeClass ──compile──> Market { keys, TypeTable per NodeClass }
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_catalog::{
    CapacityType, InstanceType, Offering, Placement, PriceStamp, ReservationKind, Tenancy, Usd,
};

use crate::amounts::{Amounts, ResourceNames};

/// A set of instance types, by index in their [`TypeTable`].
pub type TypeSet = FixedBitSet;
/// A set of offering keys, by index in [`Market::keys`].
pub type OfferMask = u128;

/// How many offering keys a market can tell apart.
pub const MAX_OFFER_KEYS: usize = 128;

/// What tells two offerings of one instance type apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OfferKey {
    /// `us-east-1a`.
    pub zone: String,
    /// `use1-az4`.
    pub zone_id: String,
    /// How it is paid for.
    pub capacity_type: CapacityType,
    /// Whose hardware.
    pub tenancy: Tenancy,
    /// Reservation id, kind and whether it can be interrupted.
    pub reservation: Option<(String, ReservationKind, bool)>,
}

impl OfferKey {
    fn of(offering: &Offering) -> OfferKey {
        OfferKey {
            zone: offering.zone.clone(),
            zone_id: offering.zone_id.clone(),
            capacity_type: offering.capacity_type,
            tenancy: offering.tenancy,
            reservation: offering
                .reservation
                .as_ref()
                .map(|reservation| (reservation.id.clone(), reservation.kind, reservation.interruptible)),
        }
    }

    fn same_as(&self, offering: &Offering) -> bool {
        self.capacity_type == offering.capacity_type
            && self.tenancy == offering.tenancy
            && self.zone == offering.zone
            && match (&self.reservation, &offering.reservation) {
                (None, None) => self.zone_id == offering.zone_id,
                (Some((id, _, _)), Some(reservation)) => *id == reservation.id,
                _ => false,
            }
    }

    /// The value of an offering-level label on a node from this offering; `None` when the label is absent.
    pub fn label(&self, key: &str) -> Option<&str> {
        match key {
            labels::ZONE => Some(&self.zone),
            labels::ZONE_ID => Some(&self.zone_id),
            labels::CAPACITY_TYPE => Some(self.capacity_type.as_str()),
            labels::INSTANCE_TENANCY => Some(self.tenancy.as_str()),
            labels::CAPACITY_RESERVATION_ID => self.reservation.as_ref().map(|(id, _, _)| id.as_str()),
            labels::CAPACITY_RESERVATION_TYPE => self.reservation.as_ref().map(|(_, kind, _)| kind.as_str()),
            labels::CAPACITY_RESERVATION_INTERRUPTIBLE => self
                .reservation
                .as_ref()
                .map(|(_, _, interruptible)| if *interruptible { "true" } else { "false" }),
            _ => None,
        }
    }
}

/// The labels that are decided by the offering and not by the instance type.
pub const OFFERING_LABELS: [&str; 7] = [
    labels::ZONE,
    labels::ZONE_ID,
    labels::CAPACITY_TYPE,
    labels::INSTANCE_TENANCY,
    labels::CAPACITY_RESERVATION_ID,
    labels::CAPACITY_RESERVATION_TYPE,
    labels::CAPACITY_RESERVATION_INTERRUPTIBLE,
];

/// Whether a label is decided by the offering and not by the instance type.
pub fn is_offering_label(key: &str) -> bool {
    OFFERING_LABELS.contains(&key)
}

/// One offering of one type.
#[derive(Clone, Copy, Debug)]
pub struct OfferRow {
    /// Index in [`Market::keys`].
    pub key: u8,
    /// Dollars per hour.
    pub price: Usd,
    /// Free instances of a reservation; `u32::MAX` where there is no such limit.
    pub count: u32,
    /// Kind and day of the price.
    pub stamp: PriceStamp,
}

#[derive(Debug)]
struct Column {
    values: Vec<String>,
    /// Index into `values`, plus one; zero where the type lacks the label.
    of_type: Vec<u32>,
}

/// The instance types of one NodeClass, compiled.
#[derive(Debug)]
pub struct TypeTable {
    /// The types, ordered by name.
    pub types: Vec<InstanceType>,
    columns: BTreeMap<String, Column>,
    /// Available offerings of each type, cheapest first.
    pub offers: Vec<Vec<OfferRow>>,
    /// The same as sets.
    pub offer_masks: Vec<OfferMask>,
    /// What a new node of each type has of the resources that every snapshot knows.
    pub(crate) allocatable: Vec<Amounts>,
}

impl TypeTable {
    /// How many types.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether there is no type at all.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// All types.
    pub fn all(&self) -> TypeSet {
        let mut all = TypeSet::with_capacity(self.len());
        all.insert_range(..);
        all
    }

    /// Whether any type carries the label.
    pub fn has_label(&self, key: &str) -> bool {
        self.columns.contains_key(key)
    }

    /// The value of a label on a type.
    pub fn label(&self, type_index: usize, key: &str) -> Option<&str> {
        let column = self.columns.get(key)?;
        let value = *column.of_type.get(type_index)?;
        (value > 0).then(|| column.values[value as usize - 1].as_str())
    }

    /// Which value of a label a type has, as a small number for counting distinct ones; zero when absent.
    pub fn label_number(&self, type_index: usize, key: &str) -> u32 {
        self.columns.get(key).map_or(0, |column| column.of_type[type_index])
    }

    /// How many distinct values a label has.
    pub fn distinct_values(&self, key: &str) -> usize {
        self.columns.get(key).map_or(0, |column| column.values.len())
    }

    /// The distinct values of a label.
    pub fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.columns.get(key).into_iter().flat_map(|column| column.values.iter().map(String::as_str))
    }

    /// The types whose label satisfies the requirement.
    pub fn matching(&self, requirement: &Requirement) -> TypeSet {
        let mut set = TypeSet::with_capacity(self.len());
        let absent = requirement.allows_absent();
        let Some(column) = self.columns.get(requirement.key.as_str()) else {
            if absent {
                set.insert_range(..);
            }
            return set;
        };
        let mut answers = Vec::with_capacity(column.values.len() + 1);
        answers.push(absent);
        answers.extend(column.values.iter().map(|value| requirement.has(value)));
        for (index, value) in column.of_type.iter().enumerate() {
            set.set(index, answers[*value as usize]);
        }
        set
    }

    /// Cheapest available offering of a type within a mask.
    #[inline]
    pub fn cheapest_offer(&self, type_index: usize, mask: OfferMask) -> Option<OfferRow> {
        if self.offer_masks[type_index] & mask == 0 {
            return None;
        }
        self.offers[type_index].iter().find(|offer| mask >> offer.key & 1 == 1).copied()
    }
}

/// A market that cannot be compiled.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MarketError {
    /// More offering keys than a mask has bits.
    #[error(
        "{found} combinations of zone, capacity type, tenancy and reservation; at most {MAX_OFFER_KEYS} can be told apart: narrow the zones or the reservations"
    )]
    TooManyOfferKeys {
        /// How many there are.
        found: usize,
    },
}

/// The compiled catalogue: one table of types per NodeClass, one numbering of offerings for all.
#[derive(Clone, Debug, Default)]
pub struct Market {
    /// What each bit of an [`OfferMask`] stands for.
    pub keys: Vec<OfferKey>,
    tables: BTreeMap<String, Arc<TypeTable>>,
    placements: BTreeMap<String, Placement>,
}

impl Market {
    /// Compiles the types of every NodeClass, given by the NodeClass's name.
    pub fn compile(
        classes: impl IntoIterator<Item = (String, Vec<InstanceType>)>,
    ) -> Result<Market, MarketError> {
        let mut market = Market::default();
        for (name, types) in classes {
            let table = market.table_of(types)?;
            market.tables.insert(name, Arc::new(table));
        }
        Ok(market)
    }

    /// The types of a NodeClass.
    pub fn table(&self, node_class: &str) -> Option<&Arc<TypeTable>> {
        self.tables.get(node_class)
    }

    /// The same market; nodes of this NodeClass are launched into a placement group.
    #[must_use]
    pub fn placed(mut self, node_class: &str, placement: Placement) -> Market {
        self.placements.insert(node_class.to_owned(), placement);
        self
    }

    /// The placement group that nodes of a NodeClass are launched into.
    pub fn placement(&self, node_class: &str) -> Option<&Placement> {
        self.placements.get(node_class)
    }

    /// The NodeClasses, with their types.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Arc<TypeTable>)> {
        self.tables.iter().map(|(name, table)| (name.as_str(), table))
    }

    /// Compiles the same types again after `change` has given them other prices or taken offerings from sale. It is told the
    /// NodeClass and must leave everything else as it is; returning false means that it cannot. What comes of it is what
    /// [`compile`](Self::compile) would make of the types. Nothing if somebody else holds the tables.
    pub fn reprice(
        mut self,
        mut change: impl FnMut(&str, &mut [InstanceType]) -> bool,
    ) -> Option<Result<Market, MarketError>> {
        self.keys.clear();
        let mut tables = std::mem::take(&mut self.tables);
        for (name, table) in &mut tables {
            let table = Arc::get_mut(table)?;
            if !change(name, &mut table.types) {
                return None;
            }
            match self.offers_of(&table.types) {
                Ok((offers, masks)) => (table.offers, table.offer_masks) = (offers, masks),
                Err(error) => return Some(Err(error)),
            }
        }
        self.tables = tables;
        Some(Ok(self))
    }

    /// Compiles a further list of types against this market's offering keys, adding keys as needed.
    pub fn table_of(&mut self, mut types: Vec<InstanceType>) -> Result<TypeTable, MarketError> {
        types.sort_by(|left, right| left.name.cmp(&right.name));
        let mut columns: BTreeMap<String, (BTreeMap<String, u32>, Vec<u32>)> = BTreeMap::new();
        let count = types.len();
        for (index, instance_type) in types.iter().enumerate() {
            for (key, value) in &instance_type.labels {
                if !columns.contains_key(key) {
                    columns.insert(key.clone(), (BTreeMap::new(), vec![0; count]));
                }
                let Some((values, of_type)) = columns.get_mut(key) else { continue };
                let next = u32::try_from(values.len()).unwrap_or(u32::MAX - 1) + 1;
                of_type[index] = match values.get(value) {
                    Some(known) => *known,
                    None => {
                        values.insert(value.clone(), next);
                        next
                    }
                };
            }
        }
        let columns = columns
            .into_iter()
            .map(|(key, (values, of_type))| {
                let mut texts = vec![String::new(); values.len()];
                for (text, number) in values {
                    texts[number as usize - 1] = text;
                }
                (key, Column { values: texts, of_type })
            })
            .collect();
        let (offers, offer_masks) = self.offers_of(&types)?;
        let names = ResourceNames::default();
        let allocatable =
            types.iter().map(|instance_type| names.amounts(&instance_type.allocatable)).collect();
        Ok(TypeTable { types, columns, offers, offer_masks, allocatable })
    }

    /// The available offerings of each type, cheapest first, and the same as sets.
    #[allow(clippy::type_complexity, reason = "two columns of a table")]
    fn offers_of(
        &mut self,
        types: &[InstanceType],
    ) -> Result<(Vec<Vec<OfferRow>>, Vec<OfferMask>), MarketError> {
        let mut offers = Vec::with_capacity(types.len());
        let mut offer_masks = Vec::with_capacity(types.len());
        for instance_type in types {
            let mut rows = Vec::with_capacity(instance_type.offerings.len());
            let mut mask: OfferMask = 0;
            let mut guess = 0;
            for offering in instance_type.offerings.iter().filter(|offering| offering.available) {
                let key = self.key_of(offering, &mut guess);
                if key >= MAX_OFFER_KEYS {
                    return Err(MarketError::TooManyOfferKeys { found: self.keys.len() });
                }
                mask |= 1 << key;
                rows.push(OfferRow {
                    key: u8::try_from(key).unwrap_or(u8::MAX),
                    price: offering.price,
                    count: offering.reservation.as_ref().map_or(u32::MAX, |reservation| reservation.count),
                    stamp: offering.price_stamp,
                });
            }
            rows.sort_by_key(|row| (row.price, row.key));
            offers.push(rows);
            offer_masks.push(mask);
        }
        Ok((offers, offer_masks))
    }

    /// Types list their offerings in the same order, so the key after the last one found is nearly always right.
    fn key_of(&mut self, offering: &Offering, guess: &mut usize) -> usize {
        if self.keys.get(*guess).is_some_and(|key| key.same_as(offering)) {
            *guess += 1;
            return *guess - 1;
        }
        let found = self.keys.iter().position(|key| key.same_as(offering)).unwrap_or_else(|| {
            self.keys.push(OfferKey::of(offering));
            self.keys.len() - 1
        });
        *guess = found + 1;
        found
    }

    /// The offering keys whose label satisfies the requirement.
    pub fn offers_matching(&self, requirement: &Requirement) -> OfferMask {
        let mut mask = 0;
        for (index, key) in self.keys.iter().enumerate() {
            let satisfied = match key.label(&requirement.key) {
                Some(value) => requirement.has(value),
                None => requirement.allows_absent(),
            };
            if satisfied {
                mask |= 1 << index;
            }
        }
        mask
    }

    /// Every offering key.
    pub fn all_offers(&self) -> OfferMask {
        if self.keys.len() == MAX_OFFER_KEYS { OfferMask::MAX } else { (1 << self.keys.len()) - 1 }
    }
}
