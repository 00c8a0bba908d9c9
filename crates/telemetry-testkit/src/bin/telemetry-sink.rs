//! `telemetry-sink`: a local endpoint for Sentry envelopes and OTLP that stores what it gets.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use telemetry_testkit::{Answer, Request, Sink};

/// Bodies kept in memory: the files are what counts here.
const KEEP_BYTES: usize = 16 * 1024 * 1024;

/// Takes Sentry envelopes and OTLP on a local port and stores every body in a directory.
#[derive(Debug, Parser)]
#[command(name = "telemetry-sink")]
struct Args {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Directory for the bodies; without it nothing is stored.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Address to listen on. There is no protection: whoever reaches it can fill the disk.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("telemetry-sink: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Before the addresses are printed: who has read them may stop the program.
    let stop = runtime.block_on(async { stop_signal() })?;
    let mut builder = Sink::builder()
        .host(args.host)
        .port(args.port)
        .keep_bytes(KEEP_BYTES)
        .on_answer(|request| note(&line(request)));
    if let Some(dir) = args.dir {
        builder = builder.store_bodies(dir);
    }
    let sink = builder.start()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "SENTRY_DSN={}", sink.dsn())?;
    writeln!(out, "OTEL_EXPORTER_OTLP_ENDPOINT={}", sink.otlp_endpoint())?;
    out.flush()?;
    drop(out);
    runtime.block_on(stop)
}

/// Writes a line to stderr. A closed stderr is no reason to stop.
fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// One line about a request.
fn line(request: &Request) -> String {
    let answer = match request.answer {
        Answer::Status(status) => status.to_string(),
        other => format!("{other:?}"),
    };
    let what = request.summary();
    format!(
        "#{} {} {} {answer} {} B ({} B on the wire): {what}",
        request.id,
        request.method,
        request.path,
        request.body.len(),
        request.wire_len
    )
}

/// Ends with ctrl-c or SIGTERM. The handlers are in place when this returns.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

/// Ends with ctrl-c.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}
