//! Admission: webhooks, policies, quotas, limits, and the builtin plugins.
