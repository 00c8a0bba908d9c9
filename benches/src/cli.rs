//! The command line of both programs.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

use crate::children;
use crate::machine::Machine;
use crate::measure::{Plan, Sample};
use crate::rows::{self, Alone, Row};
use crate::sanitizing;
use crate::table;
use crate::unended;
use crate::variants::ALL;
use crate::verdict::{self, Finding};

/// Numbers of threads that every variant is measured with.
const THREADS: [usize; 2] = [1, 2];

/// What a traced request costs: CPU time and allocations of a three-span trace, our
/// pipeline beside the stock parts, each measured in processes of its own.
#[derive(Debug, Parser)]
#[command(name = "bench-request-path")]
struct Args {
    /// Three short rounds instead of nine, for CI.
    #[arg(long)]
    quick: bool,
    /// Fail unless `ours` takes at most half of `stock` and gains by a second thread, and the
    /// sanitizer keeps to its floors.
    #[arg(long)]
    check: bool,
    /// Rounds, if not nine (or three with --quick).
    #[arg(long)]
    rounds: Option<usize>,
    /// Measure only these variants, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The JSON file, if not `bench/request-path.json` in the target directory.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Measure this variant here and print one line of JSON.
    #[arg(long, hide = true)]
    child: Option<String>,
    /// Threads of the child.
    #[arg(long, hide = true, default_value_t = 1)]
    threads: usize,
    /// Open spans that never end, in the child, instead of making traces.
    #[arg(long, hide = true)]
    unended: bool,
    /// Timed bursts of the child.
    #[arg(long, hide = true, default_value_t = Plan::FULL)]
    timed: usize,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.child {
        Some(variant) => child(variant, &args),
        None => compare(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            note(&format!("bench-request-path: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn child(variant: &str, args: &Args) -> anyhow::Result<bool> {
    let line = if args.unended {
        serde_json::to_string(&unended::measure_here(variant)?)?
    } else {
        let plan = Plan::timed(args.timed);
        let sample = children::measure_here(variant, args.threads.max(1), &plan)?;
        serde_json::to_string(&sample)?
    };
    print(&format!("{line}\n"))?;
    Ok(true)
}

/// Measures everything, prints the table; false where something is not as it should be.
fn compare(args: &Args) -> anyhow::Result<bool> {
    let programs = children::programs()?;
    let allocators: Vec<_> = programs.iter().map(|(allocator, _)| *allocator).collect();
    let machine = Machine::here(&allocators.join(", "));
    let names: Vec<&str> = ALL.iter().map(|variant| variant.name).collect();
    if let Some(unknown) = args
        .only
        .iter()
        .find(|name| !names.contains(&name.as_str()))
    {
        anyhow::bail!(
            "there is no variant {unknown:?}; there are {}",
            names.join(", ")
        );
    }
    let wanted = |name: &&str| args.only.is_empty() || args.only.iter().any(|it| it == name);

    let mut places = Vec::new();
    for (allocator, program) in &programs {
        for variant in names.iter().copied().filter(wanted) {
            places.extend(THREADS.map(|threads| Place {
                allocator,
                program,
                variant,
                threads,
                samples: Vec::new(),
            }));
        }
    }
    let rounds = args.rounds.unwrap_or(if args.quick { 3 } else { 9 }).max(1);
    let timed = if args.quick { Plan::QUICK } else { Plan::FULL };
    for round in 1..=rounds {
        note(&format!("round {round} of {rounds}"));
        for place in &mut places {
            place.measure(timed)?;
        }
    }
    let rows: Vec<Row> = places.iter().filter_map(Place::row).collect();
    let alone = match (args.only.is_empty(), programs.first()) {
        (true, Some((_, program))) => {
            note("sanitizer, spans that never end");
            Some(Alone {
                sanitizer: sanitizing::measure(rounds)?,
                unended: unended::measure(program)?,
            })
        }
        _ => None,
    };

    let path = match &args.out {
        Some(path) => path.clone(),
        None => default_path()?,
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let json = serde_json::to_string_pretty(&rows::json(
        &machine,
        rounds,
        &rows,
        &alone.clone().unwrap_or_default(),
    ))?;
    std::fs::write(&path, json).with_context(|| path.display().to_string())?;

    print(&format!(
        "{machine}\n{rounds} rounds, medians\n\n{}\n",
        table::render(&rows)
    ))?;
    if let Some(alone) = &alone {
        print(&format!("{}\n", sanitizing::render(&alone.sanitizer)))?;
        print(&format!("{}\n", unended::render(&alone.unended)))?;
    }
    judge(&rows, alone.as_ref(), args)
}

fn judge(rows: &[Row], alone: Option<&Alone>, args: &Args) -> anyhow::Result<bool> {
    let losses = verdict::losses(rows);
    for loss in &losses {
        print(&format!("WRONG  {loss}\n"))?;
    }
    let mut claims: Vec<Finding> = verdict::claims(rows).into();
    if let Some(alone) = alone {
        claims.extend(sanitizing::claims(&alone.sanitizer));
        claims.push(unended::claim(&alone.unended));
    }
    for claim in &claims {
        let mark = match claim.holds {
            Some(true) => "holds",
            Some(false) => "FAILS",
            None => "SKIPPED",
        };
        print(&format!("{mark}  {}\n", claim.text))?;
    }
    let hold = claims.iter().all(|claim| claim.holds != Some(false));
    Ok(losses.is_empty() && (hold || !args.check))
}

/// A variant, allocator and number of threads, and what was measured of it.
struct Place<'a> {
    allocator: &'a str,
    program: &'a PathBuf,
    variant: &'a str,
    threads: usize,
    samples: Vec<Sample>,
}

impl Place<'_> {
    fn measure(&mut self, timed: usize) -> anyhow::Result<()> {
        let sample = children::run(self.program, self.variant, self.threads, timed)?;
        self.samples.push(sample);
        Ok(())
    }

    fn row(&self) -> Option<Row> {
        Row::of(self.variant, self.allocator, self.threads, &self.samples)
    }
}

/// `bench/request-path.json` in the target directory that this program was built in.
fn default_path() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("no target directory")?;
    Ok(target.join("bench").join("request-path.json"))
}

fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn note(text: &str) {
    // Nothing can be said where stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}
