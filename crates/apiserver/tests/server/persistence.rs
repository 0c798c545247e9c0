//! The data directory: what was answered is there again, however the server ended.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;
use supercargo_apiserver::{ServerError, StoreError};

use crate::cluster::{Cluster, MAPS, map};

/// A directory that is empty at the beginning of a test.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("apiserver-{name}"));
    let _ = std::fs::remove_dir_all(&path);
    path
}

fn open(path: &Path) -> Cluster {
    Cluster::with(|options| options.data_dir = Some(path.to_owned()))
}

#[tokio::test]
async fn everything_is_there_again() {
    let path = directory("again");
    let before = {
        let cluster = open(&path);
        cluster.make(MAPS, map("a")).await;
        cluster.make(MAPS, map("b")).await;
        cluster.merge(&format!("{MAPS}/a"), json!({"data": {"k": "w"}})).await;
        cluster.delete(&format!("{MAPS}/b")).await;
        (cluster.get(MAPS).await, cluster.get("/api/v1/namespaces").await, cluster.server.revision())
    };
    let cluster = open(&path);
    assert_eq!(
        (cluster.get(MAPS).await, cluster.get("/api/v1/namespaces").await, cluster.server.revision()),
        before
    );
    // A watch from before is told that it is too late, and new uids are new.
    let mut watch = cluster.watch(&format!("{MAPS}?watch=1&resourceVersion=2")).await;
    assert_eq!(watch.next().await.unwrap()["object"]["code"], 410);
    let again = cluster.make(MAPS, map("c")).await;
    assert_ne!(again["metadata"]["uid"], before.0.1["items"][0]["metadata"]["uid"]);
}

#[tokio::test]
async fn definitions_and_their_objects_are_there_again() {
    let path = directory("definitions");
    let ships = "/apis/example.com/v1/namespaces/default/ships";
    {
        let cluster = open(&path);
        crate::definitions::define(&cluster).await;
        cluster.make(ships, json!({"metadata": {"name": "victory"}, "spec": {"boats": 3}})).await;
    }
    let cluster = open(&path);
    let (code, ship) = cluster.get(&format!("{ships}/victory")).await;
    assert_eq!((code, &ship["spec"]["boats"]), (200, &json!(3)));
}

#[tokio::test]
async fn a_torn_tail_costs_what_was_torn_and_nothing_else() {
    let path = directory("torn");
    {
        let cluster = open(&path);
        cluster.make(MAPS, map("a")).await;
        cluster.make(MAPS, map("b")).await;
    }
    let log = path.join("log-000000");
    let length = std::fs::metadata(&log).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length - 7).unwrap();
    {
        let cluster = open(&path);
        assert_eq!(cluster.get(&format!("{MAPS}/a")).await.0, 200);
        assert_eq!(cluster.get(&format!("{MAPS}/b")).await.0, 404);
        cluster.make(MAPS, map("c")).await;
    }
    std::fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(b"half a record").unwrap();
    let cluster = open(&path);
    assert_eq!(cluster.get(&format!("{MAPS}/c")).await.0, 200);
}

#[tokio::test]
async fn a_long_log_gives_way_to_a_snapshot() {
    let path = directory("snapshot");
    let text = "x".repeat(200_000);
    let revision = {
        let cluster = open(&path);
        for number in 0..200 {
            let mut object = map("big");
            object["data"]["k"] = json!(format!("{number}{text}"));
            let (code, _) = match number {
                0 => cluster.post(MAPS, object).await,
                _ => cluster.put(&format!("{MAPS}/big"), object).await,
            };
            assert!(code < 300);
        }
        cluster.server.revision()
    };
    let bytes: u64 =
        std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 36 << 20, "{bytes}");
    assert!(path.join("snapshot-000001").exists());
    let cluster = open(&path);
    assert_eq!(cluster.server.revision(), revision);
    let (_, big) = cluster.get(&format!("{MAPS}/big")).await;
    assert!(big["data"]["k"].as_str().unwrap().starts_with("199x"));
}

#[test]
fn a_directory_has_one_server() {
    let path = directory("locked");
    let first = open(&path);
    let mut options = supercargo_apiserver::ServerOptions::new(first.clock, 1);
    options.data_dir = Some(path);
    match supercargo_apiserver::Server::new(options) {
        Err(ServerError::Store(StoreError::Locked { .. })) => {}
        other => panic!("{other:?}"),
    }
    drop(first.server);
}
