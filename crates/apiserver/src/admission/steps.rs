//! The steps of admission, in upstream's order.

use super::lookup::Lookup;
use super::request::{Admitted, Rejection, Request};
use super::webhooks::Webhooks;
use super::{plugins, policies};

/// The steps that may change the object: the builtin ones, then mutating webhooks.
///
/// # Errors
/// The Status to answer with.
pub async fn mutate(
    request: &mut Request,
    lookup: &dyn Lookup,
    webhooks: &Webhooks,
) -> Result<Admitted, Rejection> {
    plugins::mutate(request, lookup)?;
    let mut admitted = webhooks.mutate(request, lookup).await?;
    if request.object.is_some() && webhooks.has_mutating(lookup) {
        // What webhooks added is completed and limited like what was sent.
        plugins::mutate(request, lookup).map_err(|rejection| rejection.after(&mut admitted))?;
    }
    Ok(admitted)
}

/// The steps that only say yes or no: limits of the namespace, policies, validating webhooks. Quota is charged when the
/// object is written ([`super::quota::charge`]).
///
/// # Errors
/// The Status to answer with.
pub async fn validate(
    request: &Request,
    lookup: &dyn Lookup,
    webhooks: &Webhooks,
) -> Result<Admitted, Rejection> {
    plugins::validate(request, lookup)?;
    let mut admitted = policies::validate(request, lookup)?;
    match webhooks.validate(request, lookup).await {
        Ok(later) => {
            admitted.merge(later);
            Ok(admitted)
        }
        Err(rejection) => Err(rejection.after(&mut admitted)),
    }
}

/// Both parts, for what is not validated in between.
///
/// # Errors
/// The Status to answer with.
pub async fn admit(
    request: &mut Request,
    lookup: &dyn Lookup,
    webhooks: &Webhooks,
) -> Result<Admitted, Rejection> {
    let mut admitted = mutate(request, lookup, webhooks).await?;
    match validate(request, lookup, webhooks).await {
        Ok(later) => {
            admitted.merge(later);
            Ok(admitted)
        }
        Err(rejection) => Err(rejection.after(&mut admitted)),
    }
}
