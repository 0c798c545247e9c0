//! Pending pods become NodeClaims (reference section 2.1).
