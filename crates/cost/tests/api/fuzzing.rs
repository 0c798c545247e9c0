//! Requests made up from the OpenAPI document by Schemathesis, against a real server: no answer is a failure, and every
//! answer is as the document says, field by field.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use supercargo_cost::http::router;
use supercargo_kubectl_venv::FUZZER;

use crate::asking::evening;

/// How many requests are made up for each operation.
const REQUESTS: &str = "8";
/// The same requests every time.
const SEED: &str = "20";

/// Answers by path and status.
type Seen = Arc<Mutex<BTreeMap<(String, u16), usize>>>;

fn watched(router: Router, seen: Seen) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| {
        let (seen, path) = (Arc::clone(&seen), request.uri().path().to_owned());
        async move {
            let response = next.run(request).await;
            *seen.lock().unwrap().entry((path, response.status().as_u16())).or_default() += 1;
            response
        }
    }))
}

/// Serves on a free port of this machine for as long as the runtime lives.
fn serve(runtime: &tokio::runtime::Runtime, router: Router) -> SocketAddr {
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    })
}

#[test]
fn no_made_up_request_fails_and_every_answer_is_as_documented() {
    let bin = FUZZER.bin(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let seen = Seen::default();
    let address = serve(&runtime, watched(router(evening()), Arc::clone(&seen)));
    let mut fuzzer = Command::new(bin.join("schemathesis"));
    fuzzer.args(["run", &format!("http://{address}/openapi.json"), "--no-color"]);
    fuzzer.args(["--phases", "examples,fuzzing", "--max-examples", REQUESTS, "--seed", SEED]);
    fuzzer.args(["--generation-database", "none", "--no-shrink", "--warnings", "off"]);
    fuzzer.args([
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,allow_header_conformance,\
         unsupported_method",
    ]);
    let output = fuzzer.current_dir(env!("CARGO_TARGET_TMPDIR")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));

    let seen = seen.lock().unwrap();
    // examples and some of what was made up are answered, and what cannot be is refused
    for route in
        ["/allocation", "/allocation/summary", "/assets", "/efficiency", "/allocation/autocomplete", "/gaps"]
    {
        let count = |status: u16| seen.get(&(route.to_owned(), status)).copied().unwrap_or(0);
        assert!(count(200) > 3 && count(400) > 0, "{route}: {seen:?}");
    }
    let failures: Vec<_> = seen.keys().filter(|(_, status)| *status >= 500).collect();
    assert!(failures.is_empty(), "{failures:?}");
}
