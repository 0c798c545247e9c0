//! List and watch of one kind, for as long as anybody listens.

use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt};
use http::Request;
use http::header::{ACCEPT, ACCEPT_ENCODING};
use kube::Client;
use serde::Deserialize;
use serde_json::value::RawValue;
use supercargo_api::pod::Interner;
use supercargo_clock::Time;
use tokio::sync::mpsc::Sender;

use crate::mirror::{Keep, Key, Kind, Object, Unread, without_managers};

/// Objects in a page of a list. Pages are read one by one, so this bounds what a list takes beside what is kept of it.
const PAGE: usize = 1_000;
/// How long a watch is asked to last, in seconds.
const WATCH_SECONDS: u32 = 290;
/// The wait before another try.
const RETRY: Duration = Duration::from_secs(1);

/// The wait before looking whether a kind is served by now.
const NOT_SERVED: Duration = Duration::from_secs(5);

/// What a watch has to tell.
#[derive(Debug)]
pub(crate) enum Feed {
    /// All objects of a kind, as of a resource version.
    Listed(Kind, Vec<Object>, u64),
    /// An object as it is now, to be read if it is news: most of what a watch says is what was just written.
    Is(Unread),
    /// An object is gone, since this resource version.
    Gone(Kind, Key, u64),
    /// The watch of a kind has come this far.
    Reached(Kind, u64),
}

/// Lists and watches a kind until nobody listens. Problems are tried again after a second.
pub(crate) async fn watch(client: Client, kind: Kind, keep: Keep, time: Time, feed: Sender<Feed>) {
    let mut version: Option<String> = None;
    while !feed.is_closed() {
        let result = match &version {
            None => list(&client, kind, keep, &feed).await.map(Some),
            Some(since) => follow(&client, kind, since, &feed).await,
        };
        match result {
            Ok(reached) => version = reached,
            Err(problem) if problem.is_not_served() => {
                // nobody has defined it (yet): there are none
                let _ = feed.send(Feed::Listed(kind, Vec::new(), 0)).await;
                version = None;
                time.sleep(NOT_SERVED).await;
            }
            Err(problem) => {
                tracing::debug!(kind = kind.name(), %problem, "watch interrupted");
                version = version.filter(|_| !problem.is_gone());
                time.sleep(RETRY).await;
            }
        }
    }
}

/// Why a list or a watch ended.
#[derive(Debug, thiserror::Error)]
enum WatchProblem {
    #[error(transparent)]
    Client(#[from] kube::Error),
    #[error("stream broke off: {0}")]
    Stream(#[from] std::io::Error),
    #[error("an object of this kind could not be read: {0}")]
    Read(#[from] serde_json::Error),
    #[error("the server ended the watch: {message} ({code})")]
    Ended { code: u16, message: String },
}

impl WatchProblem {
    /// Whether the server does not know the kind.
    fn is_not_served(&self) -> bool {
        matches!(self, WatchProblem::Client(kube::Error::Api(status)) if status.code == 404)
    }

    /// Whether the resource version is too old to go on from.
    fn is_gone(&self) -> bool {
        match self {
            WatchProblem::Client(kube::Error::Api(status)) => status.code == 410,
            WatchProblem::Ended { code, .. } => *code == 410,
            WatchProblem::Read(_) => true,
            WatchProblem::Client(_) | WatchProblem::Stream(_) => false,
        }
    }
}

#[derive(Deserialize)]
struct List<'a> {
    metadata: ListMetadata,
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    verb: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: ListMetadata,
}

#[derive(Deserialize)]
struct Ending {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

async fn list(client: &Client, kind: Kind, keep: Keep, feed: &Sender<Feed>) -> Result<String, WatchProblem> {
    let mut objects = Vec::new();
    // pods share what they have in common from the start: a hundred thousand that do not would be a gigabyte
    let mut specs = Interner::default();
    let mut next = String::new();
    loop {
        let mut path = format!("{}?limit={PAGE}", kind.path(""));
        if !next.is_empty() {
            path.push_str("&continue=");
            path.push_str(&escape(&next));
        }
        let text = client.request_text(get(&path)?).await?;
        let page: List<'_> = serde_json::from_str(&text)?;
        for item in &page.items {
            let mut object = keep.of(kind.read(without_managers(item.get()).as_bytes())?);
            if let Object::Pod(pod) = &mut object {
                specs.share(Arc::make_mut(pod));
            }
            objects.push(object);
        }
        next = page.metadata.next;
        if next.is_empty() {
            let version = page.metadata.resource_version;
            let number = version.parse().unwrap_or(0);
            // nobody listens any more if this fails, and the loop outside ends
            let _ = feed.send(Feed::Listed(kind, objects, number)).await;
            return Ok(version);
        }
    }
}

async fn follow(
    client: &Client,
    kind: Kind,
    since: &str,
    feed: &Sender<Feed>,
) -> Result<Option<String>, WatchProblem> {
    let path = format!(
        "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={since}",
        kind.path("")
    );
    let stream = client.request_stream(get(&path)?).await?;
    let mut lines = std::pin::pin!(stream.lines());
    let mut reached = since.to_owned();
    while let Some(line) = lines.next().await {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        let event: Event<'_> = serde_json::from_str(&line)?;
        let text = event.object.get();
        let message = match event.verb {
            "ADDED" | "MODIFIED" => Feed::Is(Unread::new(kind, text)?),
            "DELETED" => {
                let Unread { key, version, .. } = Unread::new(kind, text)?;
                Feed::Gone(kind, key, version)
            }
            "BOOKMARK" => {
                let bookmark: Bookmark = serde_json::from_str(text)?;
                Feed::Reached(kind, bookmark.metadata.resource_version.parse().unwrap_or(0))
            }
            _ => {
                let Ending { code, message } = serde_json::from_str(text)?;
                return Err(WatchProblem::Ended { code, message });
            }
        };
        let (Feed::Is(Unread { version, .. }) | Feed::Gone(_, _, version) | Feed::Reached(_, version)) =
            &message
        else {
            continue;
        };
        if *version > 0 {
            reached = version.to_string();
        }
        if feed.send(message).await.is_err() {
            break;
        }
    }
    Ok(Some(reached))
}

fn get(path: &str) -> Result<Request<Vec<u8>>, kube::Error> {
    // since 1.37 servers compress watches event by event, which our client does not read
    Request::get(path)
        .header(ACCEPT, "application/json")
        .header(ACCEPT_ENCODING, "identity")
        .body(Vec::new())
        .map_err(kube::Error::HttpError)
}

/// Percent-encodes a query value.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
