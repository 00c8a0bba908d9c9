//! The main job on embedded defaults: an MCP client calls tools of the MCP server for
//! Splunk, and the same traces arrive at a Sentry endpoint and at an OTLP endpoint.
#![expect(clippy::print_stdout, reason = "this program's output is its result")]

mod drive;
mod error_report;
mod progress;
mod report;
mod sampling;
mod stage;
mod waterfall;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::report::Report;
use crate::stage::Stage;

/// Runs an MCP server for Splunk against a simulated Splunk, drives it, and shows what
/// arrived at Sentry and at an OTLP collector, both of them embedded.
///
/// With SENTRY_DSN or OTEL_EXPORTER_OTLP_ENDPOINT set, everything goes there too.
#[derive(Debug, Parser)]
struct Arguments {
    /// Health checks to send.
    #[arg(long, default_value_t = 2_000)]
    health_checks: u32,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let stage = Stage::start()?;
    let driven = stage.block_on(drive::drive(&stage, arguments.health_checks))?;
    progress::say("flushing");
    let (received, sampling) = stage.finish()?;
    progress::done();

    let report = Report::new(&received, &driven, &sampling);
    println!("{}", report.text(&received));
    if let Some(path) = arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(match report.holds() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
