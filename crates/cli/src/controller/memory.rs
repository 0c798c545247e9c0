//! Says when the process comes near to the memory that it may take.

use std::time::Duration;

use supercargo_control::metrics::ProcessFacts;

/// How often it is looked at.
const PERIOD: Duration = Duration::from_secs(10);

/// Warns whenever the process comes to take nine tenths of so many bytes, for ever. Without a limit it never does.
pub(super) async fn watch_memory(limit: Option<u64>) {
    let Some(limit) = limit else { return std::future::pending().await };
    let near = limit - limit / 10;
    let mut is_near = false;
    loop {
        let taken = ProcessFacts::read().map_or(0, |facts| facts.resident_bytes);
        if taken >= near && !is_near {
            tracing::warn!(taken, limit, "the process takes nine tenths of its memory or more");
        }
        is_near = taken >= near;
        tokio::time::sleep(PERIOD).await;
    }
}
