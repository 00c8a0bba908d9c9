//! What the numbers were measured on.

use std::fmt;

use serde::Serialize;

/// The machine and the build.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor, where the system tells.
    pub processor: Option<String>,
    /// The compiler of this build.
    pub rustc: &'static str,
    /// Whether this is an optimized build.
    pub optimized: bool,
    /// The allocators that were measured.
    pub allocators: String,
    /// Load average of the last minute before the start, where the system tells. A busy
    /// machine measures badly.
    pub load: Option<f64>,
}

impl Machine {
    /// This machine, now.
    #[must_use]
    pub fn here(allocators: &str) -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: processor(&read("/proc/cpuinfo")),
            rustc: env!("BENCH_RUSTC"),
            optimized: !cfg!(debug_assertions),
            allocators: allocators.to_owned(),
            load: load(&read("/proc/loadavg")),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processor = self.processor.as_deref().unwrap_or("unknown processor");
        write!(
            f,
            "{} cores ({processor}), {}, {}, allocators: {}",
            self.cores,
            self.rustc,
            match self.optimized {
                true => "optimized",
                false => "NOT OPTIMIZED",
            },
            self.allocators,
        )?;
        match self.load {
            Some(load) => write!(f, ", load before the start: {load:.2}"),
            None => Ok(()),
        }
    }
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|it| it.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn load(loadavg: &str) -> Option<f64> {
    loadavg.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nflags\t\t: fpu\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("Some CPU @ 2.00GHz"));
        assert_eq!(load("1.25 0.70 0.40 2/333 4242\n"), Some(1.25));
    }

    #[test]
    fn other_systems_tell_nothing() {
        assert_eq!(processor(""), None);
        assert_eq!(load(""), None);
    }
}
