//! supercargo, the binary: everything is in the library beside it, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    supercargo_cli::run(std::env::args_os())
}
