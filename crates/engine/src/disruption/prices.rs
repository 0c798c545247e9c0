//! What a node costs that runs already.

use supercargo_api::labels;
use supercargo_catalog::{CapacityType, InstanceType, Offering, Usd};

use crate::market::{Market, TypeTable};
use crate::rooms::Room;

/// The label by which managed node groups say how they are paid for.
const EKS_CAPACITY_TYPE: &str = "eks.amazonaws.com/capacityType";

/// How a node is paid for, as far as its labels say.
pub(super) fn capacity_type(room: &Room) -> Option<CapacityType> {
    if let Some(text) = room.labels.get(labels::CAPACITY_TYPE) {
        return text.parse().ok();
    }
    match room.labels.get(EKS_CAPACITY_TYPE)?.as_str() {
        "SPOT" => Some(CapacityType::Spot),
        "ON_DEMAND" => Some(CapacityType::OnDemand),
        _ => None,
    }
}

/// The type of the node, by index in the table.
pub(super) fn type_index(room: &Room, table: &TypeTable) -> Option<u32> {
    let name = room.labels.get(labels::INSTANCE_TYPE)?;
    let index = table.types.binary_search_by(|known| known.name.cmp(name)).ok()?;
    u32::try_from(index).ok()
}

/// The price of the offering that a node came from: type, zone, capacity type, tenancy and reservation, whether it is
/// sold at the moment or not.
pub(super) fn price_in(room: &Room, instance_type: &InstanceType) -> Option<Usd> {
    let zone = room.labels.get(labels::ZONE)?;
    let paid = capacity_type(room)?;
    let tenancy = room.labels.get(labels::INSTANCE_TENANCY).map_or("default", String::as_str);
    let reservation = room.labels.get(labels::CAPACITY_RESERVATION_ID);
    let suits = |offering: &&Offering| {
        offering.zone == *zone
            && offering.capacity_type == paid
            && offering.tenancy.as_str() == tenancy
            && (paid != CapacityType::Reserved
                || reservation.is_none()
                || offering.reservation.as_ref().map(|one| &one.id) == reservation)
    };
    instance_type.offerings.iter().find(suits).map(|offering| offering.price)
}

/// The price of a node that no NodePool owns, by the first NodeClass that knows its type. Without a word about it, it is
/// taken to be on-demand.
pub(super) fn price_anywhere(room: &Room, market: &Market) -> Option<Usd> {
    let mut plain;
    let room = if capacity_type(room).is_some() {
        room
    } else {
        plain = room.clone();
        let on_demand = CapacityType::OnDemand.as_str().to_owned();
        plain.labels.insert(labels::CAPACITY_TYPE.to_owned(), on_demand);
        &plain
    };
    market.tables().find_map(|(_, table)| price_in(room, &table.types[type_index(room, table)? as usize]))
}
