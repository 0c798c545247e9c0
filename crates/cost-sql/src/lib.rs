#![cfg(feature = "datafusion")]
//! SQL over the ledger.
