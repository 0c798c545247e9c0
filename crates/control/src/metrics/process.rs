//! What the process takes, under the names that every client of Prometheus gives it. Only Linux tells.

use std::fs;

use super::exposition::{Exposition, MetricType};

/// Hundredths of a second, in which Linux counts processor time for programs.
const TICKS: f64 = 100.0;

/// What a process takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessFacts {
    /// Bytes of memory that it has.
    pub resident_bytes: u64,
    /// Bytes of addresses that it has.
    pub virtual_bytes: u64,
    /// Seconds of processors that it has used.
    pub processor_seconds: f64,
    /// When it began, in seconds since 1970.
    pub started: Option<f64>,
    /// Files and connections that it has open.
    pub open_files: Option<usize>,
}

impl ProcessFacts {
    /// Those of this process, where the system tells.
    pub fn read() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let system = fs::read_to_string("/proc/stat").unwrap_or_default();
        let open_files = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
        Some(Self { open_files, ..Self::of(&status, &stat, &system)? })
    }

    fn of(status: &str, stat: &str, system: &str) -> Option<Self> {
        let kilobytes = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.trim().parse().ok()
        };
        // the name in parentheses may have anything in it; after it the first field is the third of the manual
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_whitespace().collect();
        let ticks = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let boot: Option<f64> = system
            .lines()
            .find_map(|line| line.strip_prefix("btime "))
            .and_then(|seconds| seconds.trim().parse().ok());
        Some(Self {
            resident_bytes: kilobytes("VmRSS:")? * 1_024,
            virtual_bytes: kilobytes("VmSize:")? * 1_024,
            processor_seconds: (ticks(14)? + ticks(15)?) / TICKS,
            started: boot.and_then(|boot| Some(boot + ticks(22)? / TICKS)),
            open_files: None,
        })
    }

    /// Writes them.
    pub fn write(&self, out: &mut Exposition) {
        let mut one = |name: &str, kind: MetricType, help: &str, value: f64| {
            out.family(name, kind, help);
            out.sample(name, "", [], value);
        };
        let help = "Total user and system CPU time spent in seconds.";
        one("process_cpu_seconds_total", MetricType::Counter, help, self.processor_seconds);
        let help = "Resident memory size in bytes.";
        one("process_resident_memory_bytes", MetricType::Gauge, help, self.resident_bytes as f64);
        let help = "Virtual memory size in bytes.";
        one("process_virtual_memory_bytes", MetricType::Gauge, help, self.virtual_bytes as f64);
        if let Some(started) = self.started {
            let help = "Start time of the process since unix epoch in seconds.";
            one("process_start_time_seconds", MetricType::Gauge, help, started);
        }
        if let Some(open_files) = self.open_files {
            one("process_open_fds", MetricType::Gauge, "Number of open file descriptors.", open_files as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_understood() {
        let status = "Name:\tsupercargo\nVmSize:\t  800000 kB\nVmRSS:\t   20480 kB\nThreads:\t4\n";
        let stat =
            "17 (super) cargo) S 1 17 17 0 -1 4194304 9 0 0 0 1234 66 0 0 20 0 4 0 5000 819200000 5120";
        let facts = ProcessFacts::of(status, stat, "cpu 1 2 3\nbtime 1800000000\n").unwrap();
        assert_eq!(facts.resident_bytes, 20_971_520);
        assert_eq!(facts.processor_seconds, 13.0);
        assert_eq!(facts.started, Some(1_800_000_050.0));
        let mut out = Exposition::default();
        facts.write(&mut out);
        assert!(out.into_text().contains("\nprocess_resident_memory_bytes 20971520\n"));
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        assert_eq!(ProcessFacts::of("", "", ""), None);
        assert_eq!(ProcessFacts::of("VmRSS: 1 kB\nVmSize: 1 kB\n", "1 (x) S", ""), None);
    }
}
