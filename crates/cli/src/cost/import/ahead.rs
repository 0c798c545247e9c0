//! Questions that are asked before their turn, so that the server works on several at once. Answers are read in the order of
//! the questions, whichever comes first.
//!
//! ```text
//! prepare(paths) ──> tasks, so many at once ──chunks, a few each──> read one after the other
//! ```

use std::collections::VecDeque;
use std::io::{self, Read};

use axum::http::response::Parts;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::server::described;

/// Pieces of an answer that wait to be read; whoever sends more waits, too.
const WAITING: usize = 16;

/// The beginning of an answer, then its pieces.
enum Piece {
    Head(StatusCode, HeaderMap),
    Data(Vec<u8>),
    Broken(String),
}

/// An answer on its way.
pub(super) struct Coming {
    pieces: Receiver<Piece>,
}

/// An answer that has begun.
pub(super) struct Begun {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Pieces,
}

/// The rest of an answer.
pub(super) struct Pieces {
    pieces: Receiver<Piece>,
    chunk: VecDeque<u8>,
}

/// Asks; the answer comes whether or not somebody reads it, as far as there is room.
pub(super) fn ask(runtime: &Handle, client: &kube::Client, request: Result<Request<Body>, String>) -> Coming {
    let (sender, pieces) = channel(WAITING);
    let client = client.clone();
    runtime.spawn(async move {
        let asked = match request {
            Ok(request) => client.send(request).await.map_err(|error| described(&error)),
            Err(problem) => Err(problem),
        };
        match asked {
            Ok(response) => {
                let (Parts { status, headers, .. }, body) = response.into_parts();
                forward(status, headers, body, &sender).await;
            }
            // nobody waits for it any more if this fails
            Err(problem) => drop(sender.send(Piece::Broken(problem)).await),
        }
    });
    Coming { pieces }
}

async fn forward(status: StatusCode, headers: HeaderMap, mut body: Body, sender: &Sender<Piece>) {
    if sender.send(Piece::Head(status, headers)).await.is_err() {
        return;
    }
    while let Some(frame) = body.frame().await {
        let piece = match frame {
            Ok(frame) => frame.into_data().ok().map(|data| Piece::Data(data.to_vec())),
            Err(error) => Some(Piece::Broken(described(&error))),
        };
        let Some(piece) = piece else { continue };
        let is_last = matches!(piece, Piece::Broken(_));
        if sender.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

impl Coming {
    /// Waits for the beginning; or says why there is none.
    pub(super) fn begin(mut self) -> Result<Begun, String> {
        match self.pieces.blocking_recv() {
            Some(Piece::Head(status, headers)) => {
                let body = Pieces { pieces: self.pieces, chunk: VecDeque::new() };
                Ok(Begun { status, headers, body })
            }
            Some(Piece::Broken(problem)) => Err(problem),
            // a head comes first
            Some(Piece::Data(_)) | None => Err("the answer broke off before it began".to_owned()),
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Piece::Data(data)) => self.chunk = data.into(),
                Some(Piece::Broken(problem)) => return Err(io::Error::other(problem)),
                Some(Piece::Head(..)) => {}
                None => return Ok(0),
            }
        }
        self.chunk.read(buffer)
    }
}
