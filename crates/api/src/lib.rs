//! The words: CRDs, labels, taints, quantities, durations, requirement algebra, validation.
