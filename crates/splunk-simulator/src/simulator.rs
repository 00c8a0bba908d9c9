//! The running simulator and its builder.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::auth::Credentials;
use crate::data::Dataset;
use crate::fault::Fault;
use crate::server;
use crate::world::{SeenRequest, World};

/// A running stand-in for Splunk. Dropping it stops it and closes its connections.
///
/// It has a thread and a runtime of its own, so it serves async and blocking callers alike.
///
/// ```
/// use splunk_simulator::Simulator;
///
/// let simulator = Simulator::start()?;
/// assert_eq!(simulator.base_url(), format!("http://127.0.0.1:{}", simulator.port()));
/// # std::io::Result::Ok(())
/// ```
pub struct Simulator {
    address: SocketAddr,
    world: Arc<World>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts on a free port of 127.0.0.1 with the default credentials.
    ///
    /// # Errors
    ///
    /// When no port can be bound or no thread started.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Starts with other credentials, another address or another clock.
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder::default()
    }

    /// The URL to put paths after, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on, without the port: what belongs into `SPLUNK_HOST`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.ip().to_string()
    }

    /// The port it listens on: what belongs into `SPLUNK_PORT`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The token it accepts after `Authorization: Bearer`.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.world.credentials.token
    }

    /// The user it accepts.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.world.credentials.username
    }

    /// The password of [`username`](Self::username).
    #[must_use]
    pub fn password(&self) -> &str {
        &self.world.credentials.password
    }

    /// Waits this long before every answer from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.world.set_latency(latency);
    }

    /// Adds a fault. Faults strike in the order they were added, each as often as it says.
    pub fn fault(&self, fault: Fault) {
        self.world.faults().add(fault);
    }

    /// Takes back all faults that have not struck yet.
    pub fn clear_faults(&self) {
        self.world.faults().clear();
    }

    /// Makes every session key invalid, as a restart of Splunk does.
    pub fn expire_sessions(&self) {
        self.world.sessions().expire_all();
    }

    /// The requests received, oldest first; the latest thousand are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.world.seen()
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It fails only when the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Settings of a [`Simulator`].
///
/// ```
/// use splunk_simulator::Simulator;
///
/// let simulator = Simulator::builder()
///     .with_token("another-token")
///     .with_login("alice", "her password")
///     .start()?;
/// assert_eq!(simulator.username(), "alice");
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `start`"]
pub struct SimulatorBuilder {
    address: SocketAddr,
    credentials: Credentials,
    clock: i64,
}

impl Default for SimulatorBuilder {
    fn default() -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            credentials: Credentials::default(),
            clock: crate::DEFAULT_CLOCK,
        }
    }
}

impl SimulatorBuilder {
    /// Listens on this address instead of 127.0.0.1.
    pub fn with_host(mut self, host: IpAddr) -> Self {
        self.address.set_ip(host);
        self
    }

    /// Listens on this port; 0, the default, takes a free one.
    pub fn with_port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Accepts this authentication token instead of [`DEFAULT_TOKEN`](crate::DEFAULT_TOKEN).
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.credentials.token = token.into();
        self
    }

    /// Accepts this user and password instead of the default ones.
    pub fn with_login(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials.username = username.into();
        self.credentials.password = password.into();
        self
    }

    /// Sets what "now" is, in epoch seconds, instead of [`DEFAULT_CLOCK`](crate::DEFAULT_CLOCK).
    ///
    /// The clock stands still. Events lie within the day before it, and `-1h` is relative to it.
    pub fn with_clock(mut self, epoch_seconds: i64) -> Self {
        self.clock = epoch_seconds;
        self
    }

    /// Binds the port and starts to serve.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound or no thread started.
    pub fn start(self) -> io::Result<Simulator> {
        let listener = TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let world = Arc::new(World::new(self.credentials, Dataset::generate(self.clock)));
        let (stop, stopped) = oneshot::channel();
        let (ready, readiness) = mpsc::sync_channel(1);
        let served = Arc::clone(&world);
        let thread = std::thread::Builder::new()
            .name("splunk-simulator".to_owned())
            .spawn(move || serve(listener, served, stopped, &ready))?;
        readiness
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the simulator's thread has ended")))?;
        Ok(Simulator {
            address,
            world,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// The simulator's thread: serves until `stopped` fires or its sender is gone.
fn serve(
    listener: TcpListener,
    world: Arc<World>,
    stopped: oneshot::Receiver<()>,
    ready: &mpsc::SyncSender<io::Result<()>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let _ = ready.send(Ok(()));
        let server = axum::serve(listener, server::app(world));
        // Not a graceful shutdown: hanging requests are to end with the simulator.
        tokio::select! {
            _ = server.into_future() => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}
