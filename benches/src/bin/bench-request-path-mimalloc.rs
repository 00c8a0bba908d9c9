//! What a traced request costs, with mimalloc.

use std::process::ExitCode;

use mcp_telemetry_benches::allocation::Counting;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: Counting<MiMalloc> = Counting(MiMalloc);

fn main() -> ExitCode {
    mcp_telemetry_benches::cli::main()
}
