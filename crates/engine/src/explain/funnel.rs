//! What each requirement of a NodePool does to the types, in order and alone.

use supercargo_api::NodePool;
use supercargo_api::labels;
use supercargo_api::requirement::Requirement;

use crate::market::{Market, OfferMask, TypeSet, TypeTable, is_offering_label};

use super::node_pool_document::PoolStep;

/// What one requirement leaves.
struct Filter {
    text: String,
    types: TypeSet,
    offers: OfferMask,
}

/// The steps, and what is left in the end.
pub(super) struct Funnel {
    pub(super) steps: Vec<PoolStep>,
    pub(super) types: TypeSet,
    pub(super) offers: OfferMask,
}

/// Applies a NodePool's requirements one after the other.
pub(super) fn funnel(pool: &NodePool, table: &TypeTable, market: &Market) -> Funnel {
    let filters: Vec<Filter> = filters(pool, table, market);
    let mut steps = Vec::with_capacity(filters.len());
    let (mut types, mut offers) = (table.all(), market.all_offers());
    let mut before = table.len();
    let all = left(table, &filters, None).count_ones(..);
    for (index, filter) in filters.iter().enumerate() {
        types.intersect_with(&filter.types);
        offers &= filter.offers;
        let after = sold(table, &types, offers).count_ones(..);
        steps.push(PoolStep {
            requirement: filter.text.clone(),
            removed: before - after,
            left: after,
            alone: left(table, &filters, Some(index)).count_ones(..) - all,
        });
        before = after;
    }
    Funnel { steps, types: sold(table, &types, offers), offers }
}

/// The requirements that types and offerings answer; those about labels of one's own remove nothing.
fn filters(pool: &NodePool, table: &TypeTable, market: &Market) -> Vec<Filter> {
    let terms = pool.spec.template.spec.requirements.iter();
    let requirements = terms.filter_map(|term| {
        let least = term.min_values.and_then(|least| u32::try_from(least).ok());
        Requirement::new(&term.key, term.operator, term.values().iter().cloned(), least).ok()
    });
    let answered = requirements.filter_map(|requirement| {
        let key = requirement.key.as_str();
        let text = match requirement.min_values {
            Some(least) => format!("{requirement}, minValues {least}"),
            None => requirement.to_string(),
        };
        let class = &pool.spec.template.spec.node_class_ref.name;
        if labels::is_of_placement(key) && market.placement(class).is_some() {
            None
        } else if is_offering_label(key) {
            Some(Filter { text, types: table.all(), offers: market.offers_matching(&requirement) })
        } else if table.has_label(key) || (labels::is_well_known(key) && key != labels::NODEPOOL) {
            Some(Filter { text, types: table.matching(&requirement), offers: market.all_offers() })
        } else {
            None
        }
    });
    answered.collect()
}

/// What all filters but one leave.
fn left(table: &TypeTable, filters: &[Filter], but: Option<usize>) -> TypeSet {
    let (mut types, mut offers) = (table.all(), OfferMask::MAX);
    for (index, filter) in filters.iter().enumerate() {
        if Some(index) != but {
            types.intersect_with(&filter.types);
            offers &= filter.offers;
        }
    }
    sold(table, &types, offers)
}

/// The types that are sold in any of the offerings.
fn sold(table: &TypeTable, types: &TypeSet, offers: OfferMask) -> TypeSet {
    let mut sold = TypeSet::with_capacity(table.len());
    sold.extend(types.ones().filter(|index| table.offer_masks[*index] & offers != 0));
    sold
}
