//! Nodes go because they are empty, drifted or too dear (reference section 4).
