//! `splunk-simulator`: the simulator as a program.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use splunk_simulator::{
    DEFAULT_CLOCK, DEFAULT_PASSWORD, DEFAULT_TOKEN, DEFAULT_USERNAME, Simulator,
};

/// A stand-in for Splunk's REST API, with generated data. It guards nothing: keep it off public networks.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8089)]
    port: u16,

    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,

    /// The token to accept.
    #[arg(long, env = "SPLUNK_TOKEN", hide_env_values = true, default_value = DEFAULT_TOKEN, hide_default_value = true)]
    token: String,

    /// The user to accept.
    #[arg(long, env = "SPLUNK_USERNAME", default_value = DEFAULT_USERNAME)]
    username: String,

    /// The user's password.
    #[arg(long, env = "SPLUNK_PASSWORD", hide_env_values = true, default_value = DEFAULT_PASSWORD, hide_default_value = true)]
    password: String,

    /// Let the data end at this moment instead of at a fixed one, so that "now" means now when the program starts.
    #[arg(long)]
    clock_now: bool,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let clock = if options.clock_now {
        epoch_seconds()
    } else {
        DEFAULT_CLOCK
    };
    let simulator = Simulator::builder()
        .with_host(options.host)
        .with_port(options.port)
        .with_token(options.token)
        .with_login(options.username, options.password)
        .with_clock(clock)
        .start()?;
    // Nobody need listen: with stdout closed it serves all the same.
    let _ = writeln!(
        io::stdout(),
        "Listening on {}\nSPLUNK_SCHEME=http SPLUNK_HOST={} SPLUNK_PORT={}",
        simulator.base_url(),
        simulator.host(),
        simulator.port()
    );
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(until_stopped())
}

/// Waits for Ctrl-C or, on Unix, for SIGTERM.
async fn until_stopped() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn epoch_seconds() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(DEFAULT_CLOCK)
}
