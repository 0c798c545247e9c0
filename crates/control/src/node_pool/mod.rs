//! NodePools: what they hold, whether they are ready, their hash and the health of their registrations (reference section 1.1).
