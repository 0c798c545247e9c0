//! A Prometheus server over HTTP.

use std::collections::VecDeque;
use std::io::Read;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::client::Body;
use supercargo_cost::prometheus::{AskError, MetricServer, Retry};
use tokio::runtime::Runtime;

use super::ahead::{Coming, ask};
use super::arguments::ImportArguments;
use super::certificates;
use crate::cost::source::split;
use crate::exit::Failure;

/// A server, asked a few questions at once, whose answers are read one after the other.
pub struct HttpServer {
    runtime: Runtime,
    client: kube::Client,
    /// What stands before `/api/v1`.
    prefix: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    token_file: Option<std::path::PathBuf>,
    /// Answers on their way, in the order in which they are going to be read.
    coming: VecDeque<(String, Coming)>,
    /// Questions that come after them.
    planned: VecDeque<String>,
    /// How many questions are on their way at once.
    at_once: usize,
}

impl HttpServer {
    /// The server of the arguments.
    pub fn new(url: &str, arguments: &ImportArguments) -> Result<HttpServer, Failure> {
        let wrong = |problem: &dyn std::fmt::Display| {
            Failure::new(format!("{url}: {problem}"))
                .with_help("expected a server such as http://localhost:9090, or https://mimir/prometheus")
        };
        let base = url.trim_end_matches('/');
        let (root, prefix) = split(base).ok_or_else(|| wrong(&"not a URL"))?;
        let uri = root.parse().map_err(|error: axum::http::uri::InvalidUri| wrong(&error))?;
        let mut config = kube::Config::new(uri);
        config.accept_invalid_certs = arguments.insecure_skip_verify;
        if let Some(file) = &arguments.ca_file {
            let help = "expected a file of certificates, such as /etc/ssl/certs/ca-certificates.crt";
            let read = certificates::read(file).map_err(|problem| Failure::new(problem).with_help(help))?;
            config.root_cert = Some(read);
        }
        // one thread goes on with answers while others are read
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| wrong(&error))?;
        // the client starts a task
        let client =
            runtime.block_on(async { kube::Client::try_from(config) }).map_err(|error| wrong(&error))?;
        let headers = headers(arguments)?;
        let token_file = arguments.bearer_token_file.clone();
        let (coming, planned) = (VecDeque::new(), VecDeque::new());
        let at_once = arguments.max_query_concurrency.into();
        Ok(HttpServer {
            runtime,
            client,
            prefix: prefix.to_owned(),
            headers,
            token_file,
            coming,
            planned,
            at_once,
        })
    }

    /// Asks so many questions before their turn that those on their way are as many as may be, the one that is read among
    /// them.
    fn ask_ahead(&mut self) {
        while self.coming.len() + 1 < self.at_once {
            let Some(path) = self.planned.pop_front() else { return };
            let coming = ask(self.runtime.handle(), &self.client, self.request(&path));
            self.coming.push_back((path, coming));
        }
    }

    fn request(&self, path: &str) -> Result<Request<Body>, String> {
        let mut request = Request::get(format!("{}{path}", self.prefix))
            .body(Body::empty())
            .map_err(|error| error.to_string())?;
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        if let Some(file) = &self.token_file {
            let token =
                std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            let value = secret(&format!("Bearer {}", token.trim()))?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}

fn secret(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text).map_err(|error| format!("the authorization: {error}"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn headers(arguments: &ImportArguments) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
    let mut headers = Vec::new();
    for text in &arguments.header {
        let parsed = text.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let wrong = || {
            Failure::new(format!("{text:?} is no header"))
                .with_help("expected one such as --header 'X-Scope-OrgID: shop'")
        };
        headers.push(parsed.ok_or_else(wrong)?);
    }
    if let Some(tenant) = &arguments.tenant {
        let value =
            HeaderValue::from_str(tenant).map_err(|error| Failure::new(format!("the tenant: {error}")))?;
        headers.push((HeaderName::from_static("x-scope-orgid"), value));
    }
    let authorization = match (&arguments.bearer_token, &arguments.user) {
        (Some(token), _) => Some(format!("Bearer {token}")),
        (None, Some(user)) => {
            let password = arguments.password.as_deref().unwrap_or_default();
            Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
        }
        (None, None) => None,
    };
    if let Some(authorization) = authorization {
        headers.push((AUTHORIZATION, secret(&authorization).map_err(Failure::new)?));
    }
    Ok(headers)
}

impl MetricServer for HttpServer {
    fn prepare(&mut self, paths: Vec<String>) {
        self.coming.clear();
        self.planned = paths.into();
        self.ask_ahead();
    }

    fn ask(&mut self, path: &str) -> Result<Box<dyn Read + '_>, AskError> {
        let coming = match self.coming.front() {
            Some((first, _)) if first == path => self.coming.pop_front().map(|(_, coming)| coming),
            _ => None,
        };
        let coming = match coming {
            Some(coming) => coming,
            None => {
                let request =
                    self.request(path).map_err(|problem| AskError { problem, retry: Retry::Never })?;
                ask(self.runtime.handle(), &self.client, Ok(request))
            }
        };
        self.ask_ahead();
        let begun = coming.begin();
        let begun = begun.map_err(|problem| AskError { problem, retry: Retry::After(None) })?;
        let mut body = begun.body;
        if begun.status.is_success() {
            return Ok(Box::new(body));
        }
        let mut text = String::new();
        // a refusal may have no readable reason
        let _ = (&mut body).take(2_000).read_to_string(&mut text);
        let problem = format!("{}: {}", begun.status, reason(&text));
        let wish = begun.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let again = begun.status.is_server_error() || begun.status == StatusCode::TOO_MANY_REQUESTS;
        Err(AskError { problem, retry: if again { Retry::After(wish) } else { Retry::Never } })
    }

    fn wait(&mut self, seconds: u64) {
        // a timer begins within the runtime
        self.runtime.block_on(async { tokio::time::sleep(Duration::from_secs(seconds)).await });
    }
}

/// An error with its causes, which say more than it does.
pub(super) fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

/// What a refusal says: the reason of the API, or the text as it is.
fn reason(text: &str) -> String {
    let answer: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let told = answer.and_then(|answer| answer["error"].as_str().map(str::to_owned));
    told.unwrap_or_else(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        assert_eq!(reason(r#"{"status":"error","error":"too many samples"}"#), "too many samples");
        assert_eq!(reason("<html>no\nmore"), "<html>no");
    }
}
