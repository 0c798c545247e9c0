//! Nodes are drained and their instances ended (reference section 3.5).
