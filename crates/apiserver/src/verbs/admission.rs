//! Admission of one write, from the request to the commit.

use std::sync::{Arc, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::lookup::StoreLookup;
use crate::admission::{self, Admitted, Operation, Rejection, Request, UserInfo, Webhooks, quota};
use crate::builtin::addresses;
use crate::gvk::Gvk;
use crate::http::Call;
use crate::lifecycle::DeleteOptions;
use crate::server::Server;
use crate::status::ApiError;
use crate::store::{Draft, Stored};

/// Admission of one write.
pub(crate) struct Admission {
    request: Request,
}

/// What a commit came to: the object as it is kept, or what was found where something else was expected.
pub(super) type Committed = Result<Arc<Stored>, Option<Arc<Stored>>>;

impl Admission {
    /// A creation.
    pub fn create(call: &Call, name: &str, is_dry_run: bool) -> Self {
        Self::of(call, Operation::Create, name, &call.path.namespace, is_dry_run, "CreateOptions")
    }

    /// An update.
    pub fn update(call: &Call, name: &str, is_dry_run: bool) -> Self {
        Self::of(call, Operation::Update, name, &call.path.namespace, is_dry_run, "UpdateOptions")
    }

    /// A deletion.
    pub fn delete(call: &Call, name: &str, namespace: &str, options: &DeleteOptions) -> Self {
        let mut admission =
            Self::of(call, Operation::Delete, name, namespace, options.is_dry_run, "DeleteOptions");
        admission.request.options = options.raw.clone();
        admission
    }

    /// A creation through a subresource, of an object of another kind.
    pub fn create_other(call: &Call, gvk: Gvk, is_dry_run: bool) -> Self {
        let mut admission = Self::create(call, &call.path.name, is_dry_run);
        admission.request.gvk = gvk;
        admission
    }

    fn of(
        call: &Call,
        operation: Operation,
        name: &str,
        namespace: &str,
        is_dry_run: bool,
        options: &str,
    ) -> Self {
        let mut described = json!({ "kind": options, "apiVersion": "meta.k8s.io/v1" });
        for parameter in ["fieldManager", "fieldValidation"] {
            if call.query.has(parameter) {
                described[parameter] = json!(call.query.get(parameter));
            }
        }
        if is_dry_run {
            described["dryRun"] = json!(["All"]);
        }
        let user = UserInfo {
            username: call.user.name.clone(),
            uid: call.user.uid.clone(),
            groups: call.user.groups.clone(),
        };
        // A namespace is in itself.
        let namespace = if call.resource.is("", "namespaces") { name } else { namespace };
        // Objects come here in the version in which they are kept.
        let gvk = call.resource.storage_gvk();
        let mut gvr = call.gvr();
        gvr.group.clone_from(&gvk.group);
        gvr.version.clone_from(&gvk.version);
        Self {
            request: Request {
                operation,
                gvk,
                gvr,
                subresource: call.path.subresource.clone(),
                name: name.to_owned(),
                namespace: namespace.to_owned(),
                object: None,
                old_object: None,
                user,
                dry_run: is_dry_run,
                options: described,
                uid: call.server.new_uid(),
                now: call.server.now(),
            },
        }
    }

    /// The part of admission that may change the object.
    pub async fn mutate(
        &mut self,
        call: &mut Call,
        object: Value,
        old: Option<&Arc<Value>>,
    ) -> Result<Value, ApiError> {
        let (lookup, webhooks) = self.asked_about(call, object, old);
        accepted(call, admission::mutate(&mut self.request, &lookup, &webhooks).await)?;
        Ok(self.request.object.take().unwrap_or(Value::Null))
    }

    /// The part that only says yes or no.
    pub async fn validate(
        &mut self,
        call: &mut Call,
        object: Value,
        old: Option<&Arc<Value>>,
    ) -> Result<Value, ApiError> {
        let (lookup, webhooks) = self.asked_about(call, object, old);
        accepted(call, admission::validate(&self.request, &lookup, &webhooks).await)?;
        if self.request.dry_run && call.server.has_quotas(&self.request.namespace) {
            quota::charge(&self.request, &lookup).map_err(refused)?;
        }
        Ok(self.request.object.take().unwrap_or(Value::Null))
    }

    /// Makes the request one about this object; answers with whom to ask.
    fn asked_about(
        &mut self,
        call: &Call,
        object: Value,
        old: Option<&Arc<Value>>,
    ) -> (StoreLookup, Arc<Webhooks>) {
        self.request.object = Some(object);
        self.request.old_object = old.cloned();
        (StoreLookup(call.server.clone()), call.server.shared.options.webhooks.clone())
    }

    /// Admission of a deletion.
    pub async fn admit_deletion(&mut self, call: &mut Call, old: &Arc<Value>) -> Result<(), ApiError> {
        self.request.old_object = Some(old.clone());
        let lookup = StoreLookup(call.server.clone());
        let webhooks = call.server.shared.options.webhooks.clone();
        accepted(call, admission::admit(&mut self.request, &lookup, &webhooks).await)
    }

    /// Writes the object. What quotas of its namespace say is asked, and charged, in one step with that.
    pub fn commit(
        &mut self,
        call: &Call,
        previous: Option<&Arc<Stored>>,
        key: &str,
        draft: Draft<'_>,
    ) -> Result<Committed, ApiError> {
        let server = &call.server;
        let _addresses = self.assign_addresses(call, draft.object)?;
        let write = |draft: Draft<'_>| match previous {
            Some(previous) => server.commit_or_remove(&call.resource, previous, draft),
            None => server.commit_draft(&call.resource, key, None, draft),
        };
        if !server.has_quotas(&self.request.namespace) {
            return Ok(write(draft));
        }
        // Nobody can leave half a charge behind.
        let _lock = server.shared.quota.lock().unwrap_or_else(PoisonError::into_inner);
        self.request.object = Some(draft.object.clone());
        let charges = quota::charge(&self.request, &StoreLookup(server.clone())).map_err(refused)?;
        let committed = write(draft);
        if committed.is_ok() {
            for charge in charges {
                server.set_quota_status(&charge.namespace, &charge.name, &charge.status);
            }
        }
        Ok(committed)
    }
}

impl Admission {
    /// Gives a service the addresses it needs. Until what is returned is dropped, no other service is given any.
    fn assign_addresses<'c>(
        &self,
        call: &'c Call,
        service: &mut Value,
    ) -> Result<Option<MutexGuard<'c, ()>>, ApiError> {
        if !call.resource.is("", "services") || !call.path.subresource.is_empty() {
            return Ok(None);
        }
        let guard = call.server.shared.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let (others, _) = call.server.shared.store.range(call.resource.table, None);
        let others: Vec<Arc<Value>> = others.iter().map(|other| other.shared_value()).collect();
        addresses::assign(service, &others)
            .map_err(|errors| ApiError::invalid(&call.gvk(), &self.request.name, &errors))?;
        Ok(Some(guard))
    }
}

fn accepted(call: &mut Call, outcome: Result<Admitted, Rejection>) -> Result<(), ApiError> {
    match outcome {
        Ok(admitted) => {
            call.warnings.extend(admitted.warnings);
            Ok(())
        }
        Err(rejection) => Err(refused(rejection)),
    }
}

fn refused(rejection: Rejection) -> ApiError {
    let mut error = ApiError::from_status(rejection.status);
    error.warnings = rejection.warnings;
    error
}

impl Server {
    /// Whether there is a quota in a namespace.
    pub(crate) fn has_quotas(&self, namespace: &str) -> bool {
        let registry = self.registry();
        !namespace.is_empty()
            && registry
                .get("", "resourcequotas")
                .is_some_and(|quotas| self.shared.store.has_any(quotas.table, namespace))
    }

    /// Reckons the statuses of the quotas of a namespace anew.
    pub(crate) fn reckon_quotas(&self, namespace: &str) {
        let registry = self.registry();
        let Some(quotas) = registry.get("", "resourcequotas") else { return };
        let _lock = self.shared.quota.lock().unwrap_or_else(PoisonError::into_inner);
        for stored in self.shared.store.range(quotas.table, Some(namespace)).0 {
            let status = quota::status(&stored.value(), &StoreLookup(self.clone()));
            self.set_quota_status(namespace, stored.name(), &status);
        }
    }

    fn set_quota_status(&self, namespace: &str, name: &str, status: &Value) {
        let registry = self.registry();
        let Some(quotas) = registry.get("", "resourcequotas") else { return };
        self.edit(quotas, &quotas.key(namespace, name), |quota| {
            let is_changed = quota["status"] != *status;
            quota["status"] = status.clone();
            is_changed
        });
    }
}
