//! Serves an empty cluster for a while: `cargo run --example serve -- kubeconfig.yaml [seconds] [data-dir]`, and then
//! `kubectl --kubeconfig kubeconfig.yaml get all -A`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use supercargo_apiserver::{ServeOptions, Server, ServerOptions};
use supercargo_clock::RealClock;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path =
        PathBuf::from(arguments.next().ok_or("the first argument is the path of the kubeconfig to write")?);
    let seconds = arguments.next().map_or(Ok(3600), |text| text.parse())?;
    let mut options = ServerOptions::new(Arc::new(RealClock::new()), 1);
    options.data_dir = arguments.next().map(PathBuf::from);
    let server = Server::new(options)?;
    let serving = server.serve(ServeOptions::default()).await?;
    std::fs::write(&path, serving.kubeconfig())?;
    println!("serving on https://{} for {seconds} seconds; kubeconfig in {}", serving.addr(), path.display());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    serving.shutdown().await;
    Ok(())
}
