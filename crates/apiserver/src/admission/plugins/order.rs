//! Which builtin step comes when.

use super::{defaults, limits, namespace, priority};
use crate::admission::lookup::Lookup;
use crate::admission::request::{Rejection, Request};

/// The steps that may change the object. Running them twice changes nothing more.
pub(in crate::admission) fn mutate(request: &mut Request, lookup: &dyn Lookup) -> Result<(), Rejection> {
    namespace::check(request, lookup)?;
    limits::set_defaults(request, lookup);
    defaults::set_service_account(request, lookup);
    priority::resolve(request, lookup)?;
    defaults::set_tolerations(request);
    defaults::set_storage_class(request, lookup);
    defaults::set_ingress_class(request, lookup);
    defaults::set_protection(request);
    Ok(())
}

/// The steps that only say yes or no.
pub(in crate::admission) fn validate(request: &Request, lookup: &dyn Lookup) -> Result<(), Rejection> {
    limits::check(request, lookup)?;
    defaults::check_claim_resize(request, lookup)
}
