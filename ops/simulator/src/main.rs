//! Runs seeds and says which failed, with what happened there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use parking_lot::Mutex;
use warren_sim::plant::Plant;
use warren_sim::{faults, run, shrink};

/// Runs agent and control under seeded chaos.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// The first one, or the only one with `--verbose`.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Everything that happens under one seed.
    #[arg(long)]
    verbose: bool,
    /// Lines of a failed seed's trace.
    #[arg(long, default_value_t = 60)]
    lines: usize,
    /// Plant each mistake, and say which seed finds it.
    #[arg(long)]
    plants: bool,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() {
    let args = Args::parse();
    let good = if args.plants {
        plants(&args)
    } else if args.verbose {
        verbose(&args)
    } else {
        seeds(&args)
    };
    std::process::exit(i32::from(!good));
}

fn verbose(args: &Args) -> bool {
    let run = run(args.seed, Plant::Nothing, faults::EVERYTHING, true);
    run.trace.iter().for_each(|line| println!("{line}"));
    run.wrong.iter().for_each(|text| println!("WRONG {text}"));
    run.wrong.is_empty()
}

fn seeds(args: &Args) -> bool {
    let (next, steps) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed = Mutex::new(Vec::new());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= args.seeds {
                        return;
                    }
                    let seed = args.seed + n;
                    let run = run(seed, Plant::Nothing, faults::EVERYTHING, false);
                    steps.fetch_add(run.steps, Ordering::Relaxed);
                    if !run.wrong.is_empty() {
                        failed.lock().push((seed, run.wrong));
                    }
                }
            });
        }
    });
    let took = began.elapsed();
    let mut failed = failed.into_inner();
    failed.sort();
    for (seed, wrong) in failed.iter().skip(1).take(20) {
        println!("seed {seed}: {}", wrong.join("; "));
    }
    if let Some((seed, _)) = failed.first() {
        explain(*seed, args.lines);
    }
    println!(
        "{} seeds, {} events, {:.1} s on {} threads, {} failed",
        args.seeds,
        steps.into_inner(),
        took.as_secs_f64(),
        args.threads,
        failed.len()
    );
    failed.is_empty()
}

/// The failed seed again, with as few kinds of faults as it needs.
fn explain(seed: u64, lines: usize) {
    let kinds = shrink(seed, Plant::Nothing);
    let run = run(seed, Plant::Nothing, kinds, true);
    let needed = faults::KINDS.iter().filter(|(_, bit)| kinds & bit != 0);
    let needed: Vec<&str> = needed.map(|(name, _)| *name).collect();
    println!("seed {seed} fails with {needed:?}:");
    // Signs of life, and what is said again and again, are left out.
    let dull = |line: &str| line.ends_with(": metrics = ok") || line.contains(": heartbeat rev");
    let mut told: Vec<&str> = Vec::new();
    for line in run.trace.iter().filter(|l| !dull(l)) {
        let said = |l: &str| l.get(8..).map(str::to_owned);
        if told.iter().rev().take(4).all(|l| said(l) != said(line)) {
            told.push(line);
        }
    }
    let from = told.len().saturating_sub(lines);
    told[from..].iter().for_each(|line| println!("  {line}"));
}

fn plants(args: &Args) -> bool {
    let mut good = true;
    for plant in Plant::ALL {
        let began = Instant::now();
        let caught = (args.seed..args.seed + args.seeds).find_map(|seed| {
            let run = run(seed, plant, faults::EVERYTHING, false);
            Some((seed, run.wrong.first()?.clone()))
        });
        let took = began.elapsed().as_secs_f64();
        match caught {
            Some((seed, text)) => println!("{plant:?}: seed {seed}, {took:.2} s: {text}"),
            None => {
                println!("{plant:?}: NOT caught by {} seeds", args.seeds);
                good = false;
            }
        }
    }
    good
}
