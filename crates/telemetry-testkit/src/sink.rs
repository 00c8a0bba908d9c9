//! The sink: a server on a thread of its own.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::archive::Archive;
use crate::connection::Listener;
use crate::fault::Fault;
use crate::received::Received;
use crate::request::Request;
use crate::server::{OnAnswer, Server, serve};
use crate::store::Store;
use crate::wait::{self, WaitTimeout};

/// The public key in the DSN of every sink. It protects nothing.
pub const PUBLIC_KEY: &str = "7e1e3e7275e57c17a11ce5afe0000001";

/// The environment variable that names a directory for what every sink of a process receives.
///
/// It counts where [`SinkBuilder::store_bodies`] is not called. Each sink makes a directory
/// `<package>/<program>-<process id>-<port>` below it, so many test binaries can share one, and who
/// reads it later knows whose they are. The package is `CARGO_PKG_NAME`, which Cargo sets for what it
/// runs; without it, it is `none`. The value should be an absolute path: Cargo runs tests in the
/// directory of their package.
pub const ARCHIVE_VARIABLE: &str = "TELEMETRY_TESTKIT_ARCHIVE";

/// How long tasks and threads of the server get to end when a sink is dropped.
const STOP: Duration = Duration::from_secs(1);

/// A loopback endpoint for Sentry envelopes and OTLP.
///
/// It runs on threads of its own, so it serves blocking tests as well as async ones. Dropping it
/// closes the port and ends the threads; that takes two seconds at most, as a rule milliseconds.
///
/// ```
/// use std::time::Duration;
/// use telemetry_testkit::Sink;
///
/// let sink = Sink::start()?;
/// assert!(sink.dsn().ends_with("/1"));
/// assert!(sink.otlp_endpoint().starts_with("http://127.0.0.1:"));
///
/// // Nobody sends anything here, so this wait runs into its deadline.
/// let waited = sink.wait_for(Duration::from_millis(5), |r| r.transactions().pop().cloned());
/// assert!(waited.is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Sink {
    address: SocketAddr,
    store: Arc<Store>,
    runtime: Handle,
    /// Dropping the sender ends the server; the receiver says that it has ended.
    stop: Option<oneshot::Sender<()>>,
    stopped: Mutex<mpsc::Receiver<()>>,
}

impl Sink {
    /// Starts a sink on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound or the threads cannot be started.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Starts to configure a sink.
    pub fn builder() -> SinkBuilder {
        SinkBuilder::default()
    }

    /// The DSN: `http://<32 hex digits>@127.0.0.1:<port>/1`.
    #[must_use]
    pub fn dsn(&self) -> String {
        format!("http://{PUBLIC_KEY}@{}/1", self.address)
    }

    /// The base URL: `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`: the SDK adds `/v1/traces` and so on.
    #[must_use]
    pub fn otlp_endpoint(&self) -> String {
        self.url()
    }

    /// The base of Sentry's own OTLP endpoint, `.../api/1/integration/otlp`: the SDK adds
    /// `/v1/traces` and `/v1/logs`.
    #[must_use]
    pub fn sentry_otlp_endpoint(&self) -> String {
        format!("http://{}/api/1/integration/otlp", self.address)
    }

    /// Where the sink listens. An unspecified address is given as loopback.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has arrived so far.
    #[must_use]
    pub fn received(&self) -> Received {
        self.store.received()
    }

    /// Blocks until `look` finds something, and gives that.
    ///
    /// `look` is called once at first, then whenever something arrives or is answered. In async
    /// code use [`wait_for_async`](Self::wait_for_async): this one holds up the thread.
    ///
    /// # Errors
    ///
    /// [`WaitTimeout`] after `deadline`, with what has come instead.
    pub fn wait_for<T>(
        &self,
        deadline: Duration,
        look: impl FnMut(&Received) -> Option<T>,
    ) -> Result<T, WaitTimeout> {
        wait::block(&self.store, deadline, look)
    }

    /// Waits until `look` finds something, and gives that. Any executor will do.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use telemetry_testkit::Sink;
    /// use tokio::{io::AsyncWriteExt as _, net::TcpStream};
    ///
    /// let sink = Sink::start()?;
    /// let mut client = TcpStream::connect(sink.address()).await?;
    /// client
    ///     .write_all(b"POST /v1/traces HTTP/1.1\r\nhost: sink\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
    ///     .await?;
    ///
    /// let path = sink
    ///     .wait_for_async(Duration::from_secs(5), |r| Some(r.requests().first()?.path.clone()))
    ///     .await?;
    /// assert_eq!(path, "/v1/traces");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`WaitTimeout`] after `deadline`, with what has come instead.
    pub async fn wait_for_async<T>(
        &self,
        deadline: Duration,
        look: impl FnMut(&Received) -> Option<T>,
    ) -> Result<T, WaitTimeout> {
        wait::poll(&self.store, &self.runtime, deadline, look).await
    }

    /// Forgets what has arrived. Requests that are under way will not show up either. Faults stay.
    pub fn clear(&self) {
        self.store.clear();
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.store.fault(fault);
    }

    /// Removes all faults and lets hanging requests be answered as usual.
    pub fn clear_faults(&self) {
        self.store.clear_faults();
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.stop.take());
        // The thread's own stop is bounded; this bound is for a thread that is starved.
        let stopped = self
            .stopped
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = stopped.recv_timeout(STOP * 2);
    }
}

/// Configures a [`Sink`].
#[must_use = "a builder does nothing until start"]
pub struct SinkBuilder {
    host: IpAddr,
    port: u16,
    dir: Option<PathBuf>,
    max_body: usize,
    keep_bytes: usize,
    on_answer: Option<OnAnswer>,
}

impl Default for SinkBuilder {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            dir: None,
            max_body: 250 * 1024 * 1024,
            keep_bytes: 1024 * 1024 * 1024,
            on_answer: None,
        }
    }
}

impl SinkBuilder {
    /// Address to listen on; by default 127.0.0.1.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// Port to listen on; by default 0, which takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Stores each decoded body in a directory, which is made if need be:
    /// `<unix milliseconds>-<number>-<kind>.<envelope|pb|json|bin>`, and beside it the head of the
    /// request as `.headers.json`. The files are there before the request is answered.
    ///
    /// Without it, the environment may name a directory: [`ARCHIVE_VARIABLE`].
    pub fn store_bodies(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Most bytes of one body, on the wire and decompressed; by default 250 MiB.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Most bytes of all decoded bodies that are kept in memory; by default 1 GiB. The oldest
    /// requests are forgotten first, the newest never is.
    pub fn keep_bytes(mut self, bytes: usize) -> Self {
        self.keep_bytes = bytes;
        self
    }

    /// Called with every request once its answer is decided. It runs on the server's threads: it
    /// must be quick, and while it runs its client waits.
    pub fn on_answer(mut self, call: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        self.on_answer = Some(Arc::new(call));
        self
    }

    /// Binds the port and starts the server.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound, the directory cannot be made or the threads cannot be
    /// started.
    pub fn start(self) -> io::Result<Sink> {
        let listener = TcpListener::bind((self.host, self.port))?;
        listener.set_nonblocking(true)?;
        let address = reachable(listener.local_addr()?);
        let store = Store::new(self.keep_bytes);
        let server = Server {
            store: Arc::clone(&store),
            archive: self
                .dir
                .or_else(|| archive_of_environment(address.port()))
                .as_deref()
                .map(Archive::open)
                .transpose()?
                .map(Arc::new),
            on_answer: self.on_answer,
            max_body: self.max_body,
        };
        let (ready, is_ready) = mpsc::channel();
        let (stop, is_stopped) = oneshot::channel();
        let (ended, stopped) = mpsc::channel();
        // The runtime lives and ends on a thread of its own: dropping a runtime inside another
        // one's task would panic.
        thread::Builder::new()
            .name("telemetry-testkit".to_owned())
            .spawn(move || {
                run(listener, server, &ready, is_stopped);
                drop(ended);
            })?;
        let runtime = is_ready
            .recv()
            .map_err(|_| io::Error::other("the server's thread ended before it was ready"))??;
        Ok(Sink {
            address,
            store,
            runtime,
            stop: Some(stop),
            stopped: Mutex::new(stopped),
        })
    }
}

impl fmt::Debug for SinkBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkBuilder")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("dir", &self.dir)
            .field("max_body", &self.max_body)
            .field("keep_bytes", &self.keep_bytes)
            .finish_non_exhaustive()
    }
}

/// Where the environment wants the bodies that a sink on this port receives.
fn archive_of_environment(port: u16) -> Option<PathBuf> {
    let dir = env::var_os(ARCHIVE_VARIABLE).filter(|dir| !dir.is_empty())?;
    let package = env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "none".to_owned());
    let program = env::current_exe().ok();
    let program = program.as_deref().and_then(Path::file_stem);
    let program = program.map_or_else(|| "program".into(), OsStr::to_string_lossy);
    let sink = format!("{program}-{}-{port}", process::id());
    Some(PathBuf::from(dir).join(package).join(sink))
}

fn run(
    listener: TcpListener,
    server: Server,
    ready: &mpsc::Sender<io::Result<Handle>>,
    stop: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .thread_name("telemetry-testkit-io")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody to tell means that the builder is gone.
            let _ = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => Listener(listener),
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let _ = ready.send(Ok(Handle::current()));
        tokio::select! {
            () = serve(listener, server) => {}
            // Both a value and a dropped sender mean stop.
            _ = stop => {}
        }
    });
    runtime.shutdown_timeout(STOP);
}

/// An address that a client can connect to.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
