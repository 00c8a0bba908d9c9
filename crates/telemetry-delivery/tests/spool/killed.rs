//! A process that is killed under load.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;
use telemetry_testkit::Fault;

/// Tells a process that it is the one to be killed: the directory of its spool, and the server.
const CHILD: [&str; 2] = ["SPOOL_TEST_DIRECTORY", "SPOOL_TEST_SERVER"];

/// As many on disk, and the process is killed.
const ENOUGH: usize = 3000;

fn nth(number: usize) -> Item {
    match number % 4 {
        0 => once(number),
        1 => item(Priority::Urgent, number),
        _ => item(Priority::Low, number),
    }
}

/// Accepts items without an end, and says on stdout how many of them are on disk.
fn child(directory: PathBuf, server: &str) -> ! {
    let settings = impatient().with_spool(SpoolOptions::new(directory));
    let delivery = start(server, &settings);
    let mut stdout = std::io::stdout();
    for number in 0.. {
        delivery.accept(nth(number)).unwrap();
        if number % 16 == 15 {
            wait_for(&delivery, |it| it.stored == number as u64 + 1);
            writeln!(stdout, "\non disk {}", number + 1).unwrap();
        }
    }
    unreachable!("the numbers do not end")
}

/// This test starts itself as the process to be killed.
#[test]
fn nothing_on_disk_is_lost_to_a_kill() {
    if let [Some(directory), Some(server)] = CHILD.map(env::var_os) {
        child(directory.into(), server.to_str().unwrap());
    }
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    // So that there is always something on its way.
    sink.fault(Fault::delay(Duration::from_millis(20)));
    let mut process = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::nothing_on_disk_is_lost_to_a_kill",
            "--nocapture",
        ])
        .env(CHILD[0], &scratch.path)
        .env(CHILD[1], sink.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut on_disk = 0;
    for line in BufReader::new(process.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(count) = line.strip_prefix("on disk ") {
            on_disk = count.parse().unwrap();
        }
        if on_disk >= ENOUGH {
            break;
        }
    }
    // SIGKILL, where there are signals.
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(on_disk >= ENOUGH, "the process ended early: {on_disk}");
    let before = seen(&sink);
    assert!(
        !before.is_empty() && before.len() < on_disk,
        "{}",
        before.len()
    );

    let delivery = start(&sink.url(), &scratch.settings());
    let figures = wait_for(&delivery, |it| it.recovered > 0 && is_through(it));
    assert!(figures.recovered as usize >= on_disk - before.len());
    let seen = seen(&sink);
    let mut missing = 0;
    for number in 0..on_disk {
        let count = seen.get(&number).copied().unwrap_or(0);
        match nth(number).once {
            false => assert!(count >= 1, "{number} is lost"),
            true => {
                assert!(count <= 1, "{number} arrived {count} times");
                missing += usize::from(count == 0);
            }
        }
    }
    // Of those that must not arrive twice, what was begun and did not arrive; no more than can
    // have been on their way.
    assert!(missing <= 36, "{missing}");
    let told = delivery.protocol().told.lock().unwrap();
    assert!(told.lost.iter().all(|(number, _)| nth(*number).once));
    assert_eq!(told.lost.len() as u64, figures.dropped.total());
    drop(told);
    assert!(delivery.shutdown(PATIENCE));
    assert_eq!(files(&scratch.path), 0);
}
