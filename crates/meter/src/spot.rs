//! Spot prices of the market, written down.

use std::collections::BTreeSet;
use std::sync::Arc;

use supercargo_cloud::CloudProvider;
use supercargo_cost::prices::SpotQuote;

use crate::books::Books;

/// Asks a market again for all spot prices that the books have asked for before, and enters what is new; says why if that
/// fails.
pub async fn refresh_spot_prices(market: &Arc<dyn CloudProvider>, books: &Arc<Books>) -> Result<(), String> {
    let known = books.offerings(market.region());
    if known.is_empty() { Ok(()) } else { enter(market, books, &known).await }
}

/// Asks for these zones and types, and enters what is new.
pub(crate) async fn enter(
    market: &Arc<dyn CloudProvider>,
    books: &Arc<Books>,
    offerings: &BTreeSet<(String, String)>,
) -> Result<(), String> {
    let prices = market.describe_spot_prices().await.map_err(|error| format!("spot prices: {error}"))?;
    let region: Arc<str> = market.region().into();
    let wanted = prices.into_iter().filter_map(|price| {
        let key = (price.zone, price.instance_type);
        let wanted = offerings.contains(&key);
        wanted.then(|| SpotQuote {
            region: Arc::clone(&region),
            zone: key.0.into(),
            instance_type: key.1.into(),
            since: price.since.as_second(),
            price: price.price,
        })
    });
    let quotes: Vec<SpotQuote> = wanted.collect();
    let books = Arc::clone(books);
    let entered = tokio::task::spawn_blocking(move || books.quote(quotes)).await;
    entered
        .map_err(|error| error.to_string())?
        .map_err(|error| format!("spot prices are not written down: {error}"))
}
