//! What is wrong with a field, worded as upstream does.
