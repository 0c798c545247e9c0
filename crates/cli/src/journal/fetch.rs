//! Asks a running controller over plain HTTP.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::exit::Failure;

/// How long a controller may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 256 << 20;

/// The body of what `ADDRESS/path` answers. The address is `http://HOST:PORT`; encryption is the tunnel's.
pub fn get(address: &str, path: &str) -> Result<Vec<u8>, Failure> {
    let help = "is it running? kubectl -n kube-system port-forward deployment/supercargo 8080 leads to one in a cluster; --controller names another address";
    let rest = address.trim_end_matches('/').strip_prefix("http://").ok_or_else(|| {
        Failure::new(format!("{address:?} is no address of a controller")).with_help("write http://HOST:PORT")
    })?;
    let host = rest.split('/').next().unwrap_or_default();
    let with_port = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let failed = |error: std::io::Error| {
        Failure::new(format!("no controller answers at {address}: {error}")).with_help(help)
    };
    let places = with_port.to_socket_addrs().map_err(failed)?;
    let mut last = std::io::Error::other("the name has no address");
    for place in places {
        match TcpStream::connect_timeout(&place, PATIENCE) {
            Ok(stream) => {
                return ask(stream, host, path).map_err(failed).and_then(|answer| body(&answer, address));
            }
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

fn ask(mut stream: TcpStream, host: &str, path: &str) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // an answer to 1.0 comes in one piece, and ends with the connection
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer)?;
    Ok(answer)
}

/// The body of an answer that says that all is well.
fn body(answer: &[u8], address: &str) -> Result<Vec<u8>, Failure> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = match end {
        Some(end) => (&answer[..end], &answer[end + 4..]),
        None => (answer, &[][..]),
    };
    let head = String::from_utf8_lossy(head);
    let code = head.split_whitespace().nth(1).and_then(|code| code.parse::<u16>().ok());
    match code {
        Some(200) => Ok(body.to_vec()),
        Some(404) => Err(Failure::new(format!("what answers at {address} is no controller of supercargo"))
            .with_help("--controller names the address of its metrics port")),
        Some(code) => {
            let said: String = String::from_utf8_lossy(body).chars().take(400).collect();
            Err(Failure::new(format!("the controller at {address} answers {code}: {said}")))
        }
        None => Err(Failure::new(format!("what answers at {address} does not speak HTTP"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_of_a_good_answer_is_taken() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n{}", "a").unwrap(), b"{}");
        let said = |answer: &[u8]| body(answer, "http://a").unwrap_err().problem;
        assert_eq!(
            said(b"HTTP/1.1 404 Not Found\r\n\r\n"),
            "what answers at http://a is no controller of supercargo"
        );
        assert_eq!(said(b"HTTP/1.1 400 Bad\r\n\r\nno"), "the controller at http://a answers 400: no");
        assert_eq!(said(b"SSH-2.0"), "what answers at http://a does not speak HTTP");
    }

    #[test]
    fn other_addresses_are_refused() {
        assert!(get("https://x", "/journal").unwrap_err().help.unwrap().contains("http://HOST:PORT"));
    }
}
