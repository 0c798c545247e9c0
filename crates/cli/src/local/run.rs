//! Dispatch.

use super::arguments::{Arguments, What};
use super::{client, nodes, parts};
use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Does what the arguments say, on one thread.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the event loop cannot be started: {error}")))?;
    runtime.block_on(async {
        let client = client::client(arguments.kubeconfig.as_deref()).await?;
        match &arguments.what {
            What::AddNode(wanted) => nodes::add(wanted, client, console).await,
            What::RemoveNode(unwanted) => nodes::remove(unwanted, client, console).await,
            What::Run(wanted) => parts::run(wanted, client, console).await,
        }
    })
}
