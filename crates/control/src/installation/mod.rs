//! What a cluster needs before the controllers run: definitions and permissions.
