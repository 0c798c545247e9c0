//! NodeClaims become instances (reference section 3.1).
