//! The `millrace` binary: everything it does is in the library, so that tests can do it too.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request, on its way through the gateway and the host, is some hundred small allocations.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    millrace::main()
}
