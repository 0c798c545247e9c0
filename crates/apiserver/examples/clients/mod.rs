//! What clients do that fill a server.

use http::Request;
use kube::Client;
use serde_json::Value;

/// What an example ends with.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Creates an object.
pub async fn post(client: &Client, path: &str, object: &Value) -> Outcome<()> {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(object.to_string().into_bytes())?;
    client.request_text(request).await?;
    Ok(())
}

/// Does something so many times, from eight tasks.
pub async fn at_once<F, R>(client: &Client, count: usize, act: F) -> Outcome<()>
where
    F: Fn(Client, usize) -> R + Clone + Send + 'static,
    R: Future<Output = Outcome<()>> + Send,
{
    const TASKS: usize = 8;
    let tasks: Vec<_> = (0..TASKS)
        .map(|first| {
            let (client, act) = (client.clone(), act.clone());
            tokio::spawn(async move {
                for number in (first..count).step_by(TASKS) {
                    act(client.clone(), number).await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}
