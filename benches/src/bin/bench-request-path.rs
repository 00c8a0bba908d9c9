//! What a traced request costs, with the system's allocator.

use std::alloc::System;
use std::process::ExitCode;

use mcp_telemetry_benches::allocation::Counting;

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting(System);

fn main() -> ExitCode {
    mcp_telemetry_benches::cli::main()
}
