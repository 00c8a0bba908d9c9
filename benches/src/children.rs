//! One process for each measurement: no variant finds what another left behind.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::de::DeserializeOwned;

use crate::measure::{Plan, Sample, measure};
use crate::variants::{Running, Variant};

/// The program with the system's allocator, and the one with mimalloc.
pub const PROGRAMS: [(&str, &str); 2] = [
    ("system", "bench-request-path"),
    ("mimalloc", "bench-request-path-mimalloc"),
];

/// A child that takes longer than this has hung.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Settings of telemetry that must not reach a child from outside.
const FOREIGN: [&str; 4] = ["OTEL_", "SENTRY_", "RUST_LOG", "MCP_TELEMETRY_"];

/// Runs a measurement of so many timed bursts in a child.
///
/// # Errors
///
/// Those of [`ask`].
pub fn run(program: &Path, variant: &str, threads: usize, timed: usize) -> anyhow::Result<Sample> {
    let (threads, timed) = (threads.to_string(), timed.to_string());
    ask(
        program,
        variant,
        &["--threads", &threads, "--timed", &timed],
    )
}

/// Runs a measurement in a child and reads the one line that it prints.
///
/// # Errors
///
/// Where the child cannot be started, fails, or prints something else.
pub fn ask<T: DeserializeOwned>(
    program: &Path,
    variant: &str,
    arguments: &[&str],
) -> anyhow::Result<T> {
    let mut command = Command::new(program);
    command
        .args(["--child", variant])
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if FOREIGN.iter().any(|foreign| name.starts_with(foreign)) {
            command.env_remove(name.as_ref());
        }
    }
    let of = || format!("{} --child {variant}", program.display());
    let output = command.output().with_context(of)?;
    ensure!(
        output.status.success(),
        "{} failed: {}",
        of(),
        output.status
    );
    serde_json::from_slice(&output.stdout).with_context(of)
}

/// What a child does: measures one variant in this process.
///
/// # Errors
///
/// Where there is no such variant, or it cannot be set up, or another subscriber is.
pub fn measure_here(variant: &str, threads: usize, plan: &Plan) -> anyhow::Result<Sample> {
    measure(&start(variant)?, threads, plan)
}

/// Sets a variant up for this process.
///
/// # Errors
///
/// Where there is no such variant, or it cannot be set up, or another subscriber is.
pub fn start(variant: &str) -> anyhow::Result<Running> {
    end_in_time()?;
    let Some(known) = Variant::named(variant) else {
        bail!("there is no variant {variant:?}");
    };
    let running = known.start()?;
    if let Some(dispatch) = &running.dispatch {
        tracing::dispatcher::set_global_default(dispatch.clone())?;
    }
    Ok(running)
}

/// Ends this process when its time is up, whatever it waits for.
fn end_in_time() -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("time-limit".to_owned())
        .spawn(|| {
            std::thread::sleep(TIME_LIMIT);
            std::process::exit(3);
        })?;
    Ok(())
}

/// The programs to measure with, beside the one that runs: their allocators and paths.
///
/// Under `cargo run` the second one is built first: cargo builds only the one it runs, and
/// an old one would measure old code.
///
/// # Errors
///
/// Where a program is missing or cannot be built.
pub fn programs() -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let own = std::env::current_exe()?;
    let directory = own.parent().context("the program lies in no directory")?;
    if let Some(cargo) = std::env::var_os("CARGO") {
        build(&cargo, directory)?;
    }
    let mut found = Vec::new();
    for (allocator, name) in PROGRAMS {
        let path = directory.join(format!("{name}{EXE_SUFFIX}"));
        ensure!(
            path.is_file(),
            "{} is missing; build it with `cargo build --release -p mcp-telemetry-benches --bins`",
            path.display(),
        );
        found.push((allocator, path));
    }
    Ok(found)
}

fn build(cargo: &OsStr, directory: &Path) -> anyhow::Result<()> {
    let target = directory.parent().context("no target directory")?;
    let profile = match directory.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME")])
        .args(["--bins", "--profile", profile, "--target-dir"])
        .arg(target)
        .status()
        .context("cargo could not be started")?;
    ensure!(built.success(), "the programs could not be built: {built}");
    Ok(())
}
