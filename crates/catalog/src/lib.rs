//! The market: instance types, zones, capacity types, prices, capacity and overhead model.
