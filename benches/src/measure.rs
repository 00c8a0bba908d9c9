//! One measurement: bursts of traces, and what they cost.
//!
//! Traces are made in bursts that no queue overflows on. Between two bursts the pipeline
//! is drained. Measured is what lies inside the bursts; waiting and draining are not.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use cpu_time::{ProcessTime, ThreadTime};
use serde::{Deserialize, Serialize};

use crate::allocation;
use crate::variants::Running;

/// How many bursts of how many traces.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Traces that each thread makes in one burst. The SDK's batch processor queues 2048
    /// spans, which is three a trace and thread.
    pub burst: u64,
    /// Bursts before anything is measured.
    pub warm_up: usize,
    /// Bursts in which time is measured.
    pub timed: usize,
    /// Bursts after these in which allocations are counted.
    pub counted: usize,
}

impl Plan {
    /// Timed bursts of a usual measurement.
    pub const FULL: usize = 60;
    /// Timed bursts of a short measurement, for CI.
    pub const QUICK: usize = 20;

    /// The usual plan with so many timed bursts, at least one.
    #[must_use]
    pub fn timed(bursts: usize) -> Self {
        Self {
            burst: 200,
            warm_up: 10,
            timed: bursts.max(1),
            counted: 4,
        }
    }

    fn bursts(&self) -> usize {
        self.warm_up + self.timed + self.counted
    }

    fn is_timed(&self, burst: usize) -> bool {
        (self.warm_up..self.warm_up + self.timed).contains(&burst)
    }

    fn is_counted(&self, burst: usize) -> bool {
        burst >= self.warm_up + self.timed
    }
}

/// What one measurement found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// CPU time of the threads that make traces.
    pub ns_per_trace: f64,
    /// Allocations of these threads.
    pub allocs_per_trace: f64,
    /// Bytes of these allocations.
    pub bytes_per_trace: f64,
    /// CPU time of the whole process, without that in which the benchmark itself waits.
    pub process_ns_per_trace: f64,
    /// Traces of all threads, by the clock on the wall.
    pub traces_per_second: f64,
    /// Traces made, also those before and after measuring.
    pub captured: u64,
    /// Traces that reached the transport or exporter.
    pub delivered: u64,
}

/// Measures `running` with so many threads.
///
/// The subscriber has to be in place; see [`Running::dispatch`].
///
/// # Errors
///
/// Where a drain fails or a thread panics.
pub fn measure(running: &Running, threads: usize, plan: &Plan) -> anyhow::Result<Sample> {
    let stage = Stage {
        trace: running.trace,
        plan: *plan,
        threads,
        gate: Barrier::new(threads + 1),
        arrived: AtomicUsize::new(0),
    };
    let (makers, others) = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..threads).map(|at| stage.spawn(scope, at)).collect();
        let others = stage.conduct(running);
        let makers: Option<Vec<Made>> = makers.into_iter().map(|it| it.join().ok()).collect();
        (makers.context("a thread panicked"), others)
    });
    let (makers, process) = (makers?, others?);
    let sum = |part: fn(&Made) -> Duration| makers.iter().map(part).sum::<Duration>();
    let traces = |bursts: usize| (bursts * threads) as f64 * plan.burst as f64;

    let busy = sum(|made| made.busy);
    // What threads that make traces did outside bursts is the benchmark's own.
    let process = process.saturating_sub(sum(|made| made.alive)) + busy;
    let mut allocations = allocation::Allocations::default();
    for made in &makers {
        allocations.count += made.allocations.count;
        allocations.bytes += made.allocations.bytes;
    }
    Ok(Sample {
        ns_per_trace: busy.as_nanos() as f64 / traces(plan.timed),
        allocs_per_trace: allocations.count as f64 / traces(plan.counted),
        bytes_per_trace: allocations.bytes as f64 / traces(plan.counted),
        process_ns_per_trace: process.as_nanos() as f64 / traces(plan.timed),
        traces_per_second: traces(plan.timed) / wall(&makers, plan).as_secs_f64(),
        captured: plan.bursts() as u64 * threads as u64 * plan.burst,
        delivered: running.delivered(),
    })
}

/// Sum over the timed bursts: from the first thread's start to the last one's end.
fn wall(makers: &[Made], plan: &Plan) -> Duration {
    (0..plan.timed)
        .filter_map(|burst| {
            let spans = || makers.iter().filter_map(|made| made.spans.get(burst));
            let start = spans().map(|(start, _)| *start).min()?;
            let end = spans().map(|(_, end)| *end).max()?;
            Some(end.duration_since(start))
        })
        .sum()
}

/// What all threads of a measurement share.
struct Stage {
    trace: fn(u64),
    plan: Plan,
    threads: usize,
    /// Passed before and after each burst, also by the thread that drains.
    gate: Barrier,
    /// Threads that wait for the others, so that they start together.
    arrived: AtomicUsize,
}

/// What one thread did.
#[derive(Default)]
struct Made {
    /// CPU time in timed bursts.
    busy: Duration,
    /// CPU time from the first timed burst to the last, pauses included.
    alive: Duration,
    spans: Vec<(Instant, Instant)>,
    allocations: allocation::Allocations,
}

impl Stage {
    fn spawn<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        at: usize,
    ) -> ScopedJoinHandle<'scope, Made> {
        scope.spawn(move || self.make(at))
    }

    /// Makes all bursts of one thread.
    fn make(&self, at: usize) -> Made {
        let mut made = Made {
            spans: Vec::with_capacity(self.plan.timed),
            ..Made::default()
        };
        let mut number = at as u64 * self.plan.bursts() as u64 * self.plan.burst;
        let mut alive = None;
        for burst in 0..self.plan.bursts() {
            if burst == self.plan.warm_up {
                alive = Some(ThreadTime::now());
            }
            self.gate.wait();
            self.meet(burst);
            let allocated = allocation::of_this_thread();
            let start = Instant::now();
            let cpu = ThreadTime::now();
            for _ in 0..self.plan.burst {
                (self.trace)(number);
                number += 1;
            }
            let busy = cpu.elapsed();
            let end = Instant::now();
            if self.plan.is_timed(burst) {
                made.busy += busy;
                made.spans.push((start, end));
            } else if self.plan.is_counted(burst) {
                let counted = allocation::of_this_thread() - allocated;
                made.allocations.count += counted.count;
                made.allocations.bytes += counted.bytes;
            }
            self.gate.wait();
            if burst + 1 == self.plan.warm_up + self.plan.timed {
                made.alive = alive.map_or(Duration::ZERO, |since| since.elapsed());
            }
        }
        made
    }

    /// Waits for the other threads that make traces, without sleeping: a thread that has
    /// to be woken starts late.
    fn meet(&self, burst: usize) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut turns = 0_u32;
        while self.arrived.load(Ordering::Acquire) < (burst + 1) * self.threads {
            turns += 1;
            match turns % 1024 {
                0 => std::thread::yield_now(),
                _ => std::hint::spin_loop(),
            }
        }
    }

    /// Opens the gate for each burst and drains after it. Returns the CPU time of the
    /// process over the timed bursts, without that of the calling thread.
    fn conduct(&self, running: &Running) -> anyhow::Result<Duration> {
        let mut since = None;
        let mut process = Duration::ZERO;
        let mut drained = Ok(());
        for burst in 0..self.plan.bursts() {
            if burst == self.plan.warm_up {
                since = Some((ProcessTime::now(), ThreadTime::now()));
            }
            allocation::count(self.plan.is_counted(burst));
            self.gate.wait();
            self.gate.wait();
            allocation::count(false);
            // The threads go on whatever happens: the gate would keep them for ever.
            drained = drained.and(running.drain());
            if burst + 1 == self.plan.warm_up + self.plan.timed {
                let (of_process, own) = since.context("no burst before the timed ones")?;
                process = of_process.elapsed().saturating_sub(own.elapsed());
            }
        }
        drained.map_err(|error| anyhow!("the pipeline could not be drained: {error}"))?;
        Ok(process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variants::Variant;

    const SHORT: Plan = Plan {
        burst: 50,
        warm_up: 1,
        timed: 2,
        counted: 1,
    };

    #[test]
    fn counts_what_all_threads_make() {
        let running = Variant::named("none").unwrap().start().unwrap();
        for threads in [1, 2] {
            let sample = measure(&running, threads, &SHORT).unwrap();
            assert_eq!(sample.captured, 200 * threads as u64);
            assert_eq!(sample.delivered, 0);
            assert!(sample.ns_per_trace > 0.0 && sample.traces_per_second > 0.0);
            assert!(sample.process_ns_per_trace >= sample.ns_per_trace);
            assert_eq!(sample.allocs_per_trace, 0.0);
        }
    }

    #[test]
    fn every_burst_has_one_use() {
        let of = |burst| match (SHORT.is_timed(burst), SHORT.is_counted(burst)) {
            (false, false) => "warm-up",
            (true, false) => "timed",
            (false, true) => "counted",
            (true, true) => "both",
        };
        let uses: Vec<_> = (0..SHORT.bursts()).map(of).collect();
        assert_eq!(uses, ["warm-up", "timed", "timed", "counted"]);
    }

    #[test]
    fn the_wall_is_from_the_first_start_to_the_last_end() {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        let made = |spans: &[(u64, u64)]| Made {
            spans: spans.iter().map(|(a, b)| (at(*a), at(*b))).collect(),
            ..Made::default()
        };
        let makers = [made(&[(0, 10), (100, 105)]), made(&[(2, 12), (99, 104)])];
        assert_eq!(wall(&makers, &SHORT), Duration::from_millis(12 + 6));
    }
}
