//! The life of namespaces: what each of them has from the start, and how one goes away with everything in it.

mod contents;
mod termination;
