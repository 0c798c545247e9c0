//! supercargo, the binary: everything is in the library beside it, where tests reach it.

use std::process::ExitCode;

/// A quarter less processor time than the system's: most of what is done is reading, changing and writing small objects.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    supercargo_cli::run(std::env::args_os())
}
