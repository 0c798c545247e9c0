//! The bounds of histograms.

/// Bounds of durations in seconds, from 5 ms to 10 minutes (reference section 6.1).
pub(super) const DURATION: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25,
    1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0,
    50.0, 60.0, 120.0, 150.0, 300.0, 450.0, 600.0,
];

/// Bounds of the end of a NodeClaim in seconds: 1, 2, 4 and so on, twelve of them.
pub(super) const CLAIM_TERMINATION: &[f64] =
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0];

/// Bounds of the end of an instance in seconds: 1, 2, 4 and so on, eleven of them.
pub(super) const INSTANCE_TERMINATION: &[f64] =
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Bounds of a node's life in seconds, from a quarter of an hour to 30 days.
pub(super) const LIFETIME: &[f64] = &[
    900.0,
    1_800.0,
    2_700.0,
    3_600.0,
    7_200.0,
    14_400.0,
    21_600.0,
    28_800.0,
    36_000.0,
    43_200.0,
    86_400.0,
    172_800.0,
    259_200.0,
    345_600.0,
    432_000.0,
    864_000.0,
    1_296_000.0,
    1_728_000.0,
    2_160_000.0,
    2_592_000.0,
];

/// Bounds of the score of a consolidation.
pub(super) const SCORE: &[f64] = &[0.1, 0.25, 0.33, 0.5, 1.0, 2.0, 5.0, 10.0];

/// Bounds of how many requests a batch has.
pub(super) const BATCH_SIZE: &[f64] = &[
    1.0, 2.0, 4.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 300.0,
    400.0, 500.0, 550.0, 600.0, 650.0, 700.0, 750.0, 800.0, 850.0, 900.0, 950.0, 1000.0,
];
