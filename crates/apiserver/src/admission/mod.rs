//! Admission: who may still change or refuse a write that is well formed.

mod lookup;
mod request;

pub use lookup::Lookup;
pub use request::{Admitted, Operation, Rejection, Request, UserInfo, Warning};
