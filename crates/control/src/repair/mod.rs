//! Unhealthy nodes are replaced (reference section 3.7).
