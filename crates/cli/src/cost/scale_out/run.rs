//! The commands themselves.

#[cfg(feature = "scale-out")]
pub use with::{cluster, executor, scheduler};
#[cfg(not(feature = "scale-out"))]
pub use without::{executor, scheduler};

#[cfg(not(feature = "scale-out"))]
mod without {
    use super::super::{ExecutorArguments, SchedulerArguments};
    use crate::console::Console;
    use crate::exit::{Exit, Failure};

    fn missing() -> Failure {
        Failure::new("this program was built without scale-out")
            .with_help("build it with: cargo build --release --features scale-out")
    }

    /// Says how to have it.
    pub fn scheduler(_: &SchedulerArguments, _: &Console) -> Result<Exit, Failure> {
        Err(missing())
    }

    /// Says how to have it.
    pub fn executor(_: &ExecutorArguments, _: &Console) -> Result<Exit, Failure> {
        Err(missing())
    }
}

#[cfg(feature = "scale-out")]
mod with {
    use std::num::{NonZeroU16, NonZeroUsize};

    use supercargo_cost_scale_out::{Cluster, Executor, ExecutorSettings, ScaleOutError, Scheduler};

    use super::super::{ExecutorArguments, SchedulerArguments};
    use crate::console::Console;
    use crate::exit::{Exit, Failure};
    use crate::up::interrupted;

    /// How many tasks a stage of a query has at most, unless it is said.
    const PARTS: usize = 16;

    fn failed(error: ScaleOutError) -> Failure {
        let failure = Failure::new(error.to_string());
        match error {
            ScaleOutError::Unreachable { .. } => {
                failure.with_help("start one with: supercargo cost scheduler")
            }
            _ => failure,
        }
    }

    /// Serves until it is interrupted.
    pub fn scheduler(arguments: &SchedulerArguments, console: &Console) -> Result<Exit, Failure> {
        let mut scheduler = Scheduler::start(arguments.listen).map_err(failed)?;
        console.note(format_args!("listening on {}; Ctrl-C ends it", scheduler.address()));
        scheduler.serve(interrupted()).map_err(failed)?;
        Ok(Exit::Success)
    }

    /// Runs tasks until it is interrupted.
    pub fn executor(arguments: &ExecutorArguments, console: &Console) -> Result<Exit, Failure> {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let settings = ExecutorSettings {
            scheduler: arguments.scheduler.clone(),
            listen: arguments.listen,
            host: arguments.host.clone(),
            tasks: arguments.tasks.map_or_else(cores, |tasks| usize::from(NonZeroU16::get(tasks))),
            work: arguments.work.clone().unwrap_or_else(|| std::env::temp_dir().join("supercargo-executor")),
            hook: None,
        };
        let mut executor = Executor::start(&settings).map_err(failed)?;
        let tasks = settings.tasks;
        let noun = if tasks == 1 { "task" } else { "tasks" };
        console.note(format_args!(
            "{tasks} {noun} at a time, handed out on {}; Ctrl-C ends it",
            executor.address()
        ));
        executor.serve(interrupted()).map_err(failed)?;
        Ok(Exit::Success)
    }

    /// The cluster of a scheduler.
    pub fn cluster(address: &str, parts: Option<NonZeroU16>) -> Result<Cluster, Failure> {
        let parts = parts.map_or(PARTS, |parts| usize::from(parts.get()));
        Cluster::at(address, parts).map_err(failed)
    }
}
