//! Running the binary.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a command said, and how it ended.
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// The data.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

impl Said {
    fn of(output: Output) -> Said {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Said {
            code: output.status.code().expect("the program is not killed by a signal"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// All of it, for a snapshot.
    pub fn whole(&self) -> String {
        format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    /// The plan on stdout.
    pub fn plan(&self) -> supercargo_engine::plan::Plan {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.whole()))
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where the input files of these tests are.
pub fn input() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan/input")
}

/// `supercargo` in a folder, in no particular environment.
pub fn supercargo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supercargo"));
    command.current_dir(folder);
    for name in
        ["PREFERENCE_POLICY", "MIN_VALUES_POLICY", "VM_MEMORY_OVERHEAD_PERCENT", "RESERVED_ENIS", "NO_COLOR"]
    {
        command.env_remove(name);
    }
    command
}

/// Runs `supercargo plan` among the input files.
pub fn plan(arguments: &[&str]) -> Said {
    Said::of(
        supercargo(&input())
            .arg("plan")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs"),
    )
}

/// Runs `supercargo plan` at the root of the repository.
pub fn plan_at_root(arguments: &[&str]) -> Said {
    at_root(&[&["plan"], arguments].concat())
}

/// Runs any command at the root of the repository.
pub fn at_root(arguments: &[&str]) -> Said {
    Said::of(supercargo(&root()).args(arguments).stdin(Stdio::null()).output().expect("the binary runs"))
}

/// Runs `supercargo plan` with something on standard input.
pub fn plan_of(stdin: &str, arguments: &[&str]) -> Said {
    let mut child = supercargo(&input())
        .arg("plan")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut pipe = child.stdin.take().expect("stdin is piped");
    let stdin = stdin.to_owned();
    let writer = std::thread::spawn(move || {
        // the program may end before it has read everything
        let _ = pipe.write_all(stdin.as_bytes());
    });
    let output = child.wait_with_output().expect("the binary ends");
    writer.join().expect("writing does not panic");
    Said::of(output)
}

/// An empty folder of this test's own.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}
