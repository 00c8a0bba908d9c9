//! The span processor that an app adds to its tracer provider.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::clock::deadline_after;
use crate::codec::Names;
use crate::context_attributes::{Unpacker, attach};
use crate::handover::Handover;
use crate::keep::{Buffer, KeepMark, KeepOptions};
use crate::stats::{Counters, PipelineStats};
use crate::worker::{Command, Worker};
use crate::{Scrub, SpanSink};

/// Time added to a deadline before the caller stops waiting for the pipeline's thread:
/// a sink that keeps its deadline to the millisecond is still heard.
const GRACE: Duration = Duration::from_millis(50);

/// Sets something on a span that starts, on the thread that starts it.
///
/// Closures implement it. It runs once per span on the request's path: what it does
/// there, every request pays for.
pub trait OnStart: Send + Sync + 'static {
    /// Sees the span and the context that holds its parent.
    fn on_start(&self, span: &mut Span, parent: &Context);
}

impl<F: Fn(&mut Span, &Context) + Send + Sync + 'static> OnStart for F {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        self(span, parent);
    }
}

/// A [`SpanProcessor`] that takes every sampled span once and hands it to several sinks.
///
/// Use one per tracer provider: with a second processor the SDK copies each span.
/// See the [crate documentation](crate) for an example.
pub struct PipelineProcessor {
    handover: Arc<Handover>,
    counters: Arc<Counters>,
    commands: Mutex<Sender<Command>>,
    on_start: Vec<Box<dyn OnStart>>,
    /// Whether spans that are not sampled are wanted too.
    takes_unsampled: bool,
    ended: AtomicBool,
    flush_timeout: Duration,
}

impl PipelineProcessor {
    /// Starts to describe a pipeline.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder {
            scrubs: Vec::new(),
            sinks: Vec::new(),
            on_start: Vec::new(),
            keep: None,
            capacity_bytes: 32 * 1024 * 1024,
            flush_timeout: Duration::from_secs(5),
        }
    }

    /// A handle that reads the counters after the provider has taken the processor.
    #[must_use]
    pub fn handle(&self) -> PipelineHandle {
        PipelineHandle {
            handover: Arc::clone(&self.handover),
            counters: Arc::clone(&self.counters),
        }
    }

    /// Sends a command; false where the pipeline's thread is gone.
    fn tell(&self, command: Command) -> bool {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = commands.send(command).is_ok();
        self.handover.wake();
        sent
    }

    fn ask(
        &self,
        timeout: Duration,
        command: impl FnOnce(Instant, SyncSender<bool>) -> Command,
    ) -> OTelSdkResult {
        let (done, answer) = sync_channel(1);
        if !self.tell(command(deadline_after(timeout), done)) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        match answer.recv_timeout(timeout.saturating_add(GRACE)) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(OTelSdkError::Timeout(timeout)),
        }
    }
}

impl SpanProcessor for PipelineProcessor {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        attach(span, cx);
        for hook in &self.on_start {
            hook.on_start(span, cx);
        }
    }

    fn on_end(&self, span: SpanData) {
        // `RecordOnly` spans end here too: what is not sampled leaves by no sink, unless it turns
        // out to be kept.
        let wanted = self.takes_unsampled || span.span_context.is_sampled();
        if wanted && !self.ended.load(Ordering::Relaxed) {
            self.handover.put(&span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.ask(self.flush_timeout, Command::Flush)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        if self.ended.swap(true, Ordering::Relaxed) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.ask(timeout, Command::Shutdown)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.tell(Command::Resource(resource.clone()));
    }
}

impl Drop for PipelineProcessor {
    fn drop(&mut self) {
        // The thread finds its commands disconnected only once it is awake.
        let (closed, _) = channel();
        *self
            .commands
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner) = closed;
        self.handover.wake();
    }
}

impl fmt::Debug for PipelineProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineProcessor")
            .field("stats", &self.handle().stats())
            .finish_non_exhaustive()
    }
}

/// Reads a pipeline's counters.
#[derive(Clone, Debug)]
pub struct PipelineHandle {
    handover: Arc<Handover>,
    counters: Arc<Counters>,
}

impl PipelineHandle {
    /// The counters now.
    #[must_use]
    pub fn stats(&self) -> PipelineStats {
        self.counters.snapshot(self.handover.dropped())
    }
}

/// Describes a pipeline; [`build`](PipelineBuilder::build) starts its thread.
#[must_use = "call `.build()` to start the pipeline"]
pub struct PipelineBuilder {
    scrubs: Vec<Box<dyn Scrub>>,
    sinks: Vec<Box<dyn SpanSink>>,
    on_start: Vec<Box<dyn OnStart>>,
    keep: Option<(KeepOptions, Box<dyn KeepMark>)>,
    capacity_bytes: usize,
    flush_timeout: Duration,
}

impl PipelineBuilder {
    /// Adds a sink.
    pub fn with_sink(mut self, sink: impl SpanSink) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Adds a hook that cleans every span before all sinks. Hooks run in the order added.
    pub fn with_scrub(mut self, scrub: impl Scrub) -> Self {
        self.scrubs.push(Box::new(scrub));
        self
    }

    /// Adds a hook that sees every span as it starts.
    pub fn with_on_start(mut self, hook: impl OnStart) -> Self {
        self.on_start.push(Box::new(hook));
        self
    }

    /// Keeps traces that turn out to matter, whatever the sampler said: see [`KeepOptions`]. `mark`
    /// notes it on each of their spans. Options without a condition change nothing.
    pub fn with_keep(mut self, options: KeepOptions, mark: impl KeepMark) -> Self {
        let mark: Box<dyn KeepMark> = Box::new(mark);
        self.keep = options.is_on().then_some((options, mark));
        self
    }

    /// Limits the bytes of spans that wait for the pipeline's thread (default 32 MiB).
    /// Above it spans are dropped and counted; the last eighth is kept for spans with
    /// error status.
    pub fn with_capacity_bytes(mut self, bytes: usize) -> Self {
        self.capacity_bytes = bytes;
        self
    }

    /// How long [`force_flush`](SpanProcessor::force_flush) waits (default 5 s).
    pub fn with_flush_timeout(mut self, timeout: Duration) -> Self {
        self.flush_timeout = timeout;
        self
    }

    /// Starts the pipeline's thread.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no thread.
    pub fn build(self) -> std::io::Result<PipelineProcessor> {
        let handover = Arc::new(Handover::new(self.capacity_bytes));
        let counters = Arc::new(Counters::default());
        let (sender, commands) = channel();
        let takes_unsampled = self.keep.is_some();
        let keep = self
            .keep
            .map(|(options, mark)| Buffer::new(options, mark, Arc::clone(&counters)));
        let worker = Worker {
            keep,
            ready: Vec::new(),
            handover: Arc::clone(&handover),
            counters: Arc::clone(&counters),
            commands,
            scrubs: self.scrubs,
            sinks: self.sinks,
            unpacker: Unpacker::default(),
            names: Names::default(),
            spare: Vec::new(),
            batch: Vec::new(),
        };
        std::thread::Builder::new()
            .name("otel-pipeline".to_owned())
            .spawn(move || worker.run())?;
        Ok(PipelineProcessor {
            handover,
            counters,
            commands: Mutex::new(sender),
            on_start: self.on_start,
            takes_unsampled,
            ended: AtomicBool::new(false),
            flush_timeout: self.flush_timeout,
        })
    }
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.sinks.iter().map(|sink| sink.name()).collect();
        f.debug_struct("PipelineBuilder")
            .field("sinks", &names)
            .field("capacity_bytes", &self.capacity_bytes)
            .finish_non_exhaustive()
    }
}
