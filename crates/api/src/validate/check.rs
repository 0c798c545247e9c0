//! What each kind is checked for beyond its shape.

use super::path::At;
use super::problem::Problems;

/// A kind whose objects can be checked for what the API server or a controller would refuse.
pub(crate) trait Check {
    /// Adds what is wrong with the object. Its metadata and its shape are not looked at here.
    fn check(&self, at: &At<'_>, problems: &mut Problems);
}
