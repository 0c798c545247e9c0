//! `supercargo install`: definitions, permissions and the Deployment of the controllers.

mod arguments;
mod run;

pub use arguments::Arguments;
pub use run::run;
