//! Serving over HTTPS on a socket: authority and certificates, bearer tokens, kubeconfig, the listener.

mod authentication;
mod authority;
mod kubeconfig;
mod listener;
mod tokens;

pub use listener::{ServeOptions, Serving};
pub(crate) use tokens::TokenSigner;
