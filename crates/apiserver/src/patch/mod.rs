//! Patches: JSON, merge, strategic merge, server-side apply with field ownership.
