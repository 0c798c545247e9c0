//! A place in an object store.

use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::{Builder, Runtime};

use crate::error::{BucketError, remote};

/// How many objects are moved at once.
pub(crate) const AT_ONCE: usize = 8;

/// The directory of prices: a part of the ledger that is in no table.
pub(crate) const PRICES: &str = "prices";

/// A place in an object store.
pub struct Bucket {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Parts of names before those of the ledger.
    prefix: Path,
    pub(crate) runtime: Runtime,
}

impl Bucket {
    /// The place `s3://BUCKET/PREFIX`. Region, credentials and another endpoint are taken from the environment, as the tools
    /// of AWS do: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_WEB_IDENTITY_TOKEN_FILE` with
    /// `AWS_ROLE_ARN`, the container's and the machine's role, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`.
    pub fn open(address: &str) -> Result<Bucket, BucketError> {
        Bucket::with_options(address, [])
    }

    /// The same, with settings that go before those of the environment, by their names in small letters: `aws_endpoint`, ….
    /// Unknown ones are an error.
    pub fn with_options<'a>(
        address: &str,
        options: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Bucket, BucketError> {
        let no_address = || BucketError::Address(address.to_owned());
        let rest = address.strip_prefix("s3://").ok_or_else(no_address)?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() {
            return Err(no_address());
        }
        let prefix = Path::parse(prefix.trim_matches('/')).map_err(|_| no_address())?;
        let mut client = AmazonS3Builder::from_env();
        for (key, value) in options {
            client = client.with_config(AmazonS3ConfigKey::from_str(key).map_err(remote(key))?, value);
        }
        let client = client.with_bucket_name(name).build().map_err(remote(address))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(BucketError::Runtime)?;
        Ok(Bucket { store: Arc::new(client), prefix, runtime })
    }

    /// The object that stands for a file, named from the ledger's directory on.
    pub(crate) fn object(&self, name: &str) -> Result<Path, BucketError> {
        let name = Path::parse(name).map_err(|_| BucketError::Address(name.to_owned()))?;
        Ok(self.prefix.parts().chain(name.parts()).collect())
    }

    /// The file that an object stands for, named from the ledger's directory on.
    pub(crate) fn name(&self, object: &Path) -> Option<String> {
        let parts: Vec<_> = object.prefix_match(&self.prefix)?.collect();
        Some(parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/"))
    }

    /// All objects in a directory, by the names of their files, in order.
    pub(crate) async fn list(&self, directory: &str) -> Result<Vec<(String, ObjectMeta)>, BucketError> {
        let place = self.object(directory)?;
        let found: Vec<ObjectMeta> =
            self.store.list(Some(&place)).try_collect().await.map_err(remote(&place))?;
        let named = found.into_iter().filter_map(|meta| Some((self.name(&meta.location)?, meta)));
        let mut named: Vec<(String, ObjectMeta)> = named.collect();
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(named)
    }

    /// All commits, by the names of their files, in order.
    pub(crate) async fn commits(&self) -> Result<Vec<(String, ObjectMeta)>, BucketError> {
        let mut commits = self.list("commits").await?;
        commits.retain(|(name, _)| name.ends_with(".json"));
        Ok(commits)
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Bytes, BucketError> {
        let object = self.object(name)?;
        let found = self.store.get(&object).await.map_err(remote(&object))?;
        found.bytes().await.map_err(remote(&object))
    }

    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), BucketError> {
        let object = self.object(name)?;
        self.store.put(&object, bytes.into()).await.map_err(remote(&object))?;
        Ok(())
    }

    /// Removes an object; one that is not there is removed already.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), BucketError> {
        let object = self.object(name)?;
        match self.store.delete(&object).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(remote(&object)(error)),
        }
    }
}

/// The name of a table's file, by that of its commit: `commits/C/D/12.json` is of `nodes/C/D/12.parquet`.
pub(crate) fn table_file(commit: &str, table: &str) -> Option<String> {
    let place = commit.strip_prefix("commits/")?.strip_suffix(".json")?;
    Some(format!("{table}/{place}.parquet"))
}
