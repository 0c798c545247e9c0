//! A process under test: it says on stderr what it does, and is asked to end as others ask it.

#![allow(dead_code, reason = "not every test asks for everything")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

/// A process that says on stderr what it does. It does not outlive its test.
pub struct Process {
    child: Child,
    words: Option<BufReader<ChildStderr>>,
}

impl Process {
    /// Starts it. What it has to say on stdout is not wanted.
    pub fn start(command: &mut Command) -> Process {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let words = child.stderr.take().map(BufReader::new);
        Process { child, words }
    }

    /// Reads until a line has this in it.
    pub fn until(&mut self, wanted: &str) -> String {
        let words = self.words.as_mut().unwrap();
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let read = words.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended before it said {wanted:?}: {said}");
            said.push_str(&line);
            if line.contains(wanted) {
                return line;
            }
        }
    }

    /// What it says from now on goes to the stderr of the test: a full pipe would stop it.
    pub fn let_talk(&mut self) {
        let mut words = self.words.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut words, &mut std::io::stderr()));
    }

    /// Asks it to end by a signal such as `-TERM`; returns its exit code and what it still said.
    pub fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let mut rest = String::new();
        self.words.take().unwrap().read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it has ended already if all went well
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
