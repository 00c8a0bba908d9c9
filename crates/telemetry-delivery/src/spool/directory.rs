//! The spool's directory: made, locked, and read.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::SpoolError;
use super::segment::private;
use crate::protocol::Priority;

/// The name of the file whose lock keeps other processes out.
const LOCK: &str = "lock";

/// How the names of segments end.
const SUFFIX: &str = ".spool";

/// A directory that is ours alone for as long as this lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Open for its lock.
    _lock: File,
}

/// What is in the directory.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files that are named like segments, in order of their numbers.
    pub(super) segments: Vec<Named>,
    /// The names of all else.
    pub(super) others: Vec<String>,
    /// A number above all that are taken.
    pub(super) next: u64,
}

/// A file that is named like a segment.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) number: u64,
    pub(super) priority: Priority,
    pub(super) path: PathBuf,
}

impl Directory {
    /// Makes the directory where it is missing, and takes its lock. Nobody but the user may look
    /// into it.
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        let failed = |doing| {
            move |source: io::Error| SpoolError::Io {
                doing,
                reason: source.to_string(),
            }
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        own_directory(&mut builder);
        builder
            .create(path)
            .map_err(failed("the directory cannot be made"))?;
        let what = fs::symlink_metadata(path).map_err(failed("the directory cannot be read"))?;
        if !what.is_dir() {
            return Err(SpoolError::Io {
                doing: "the directory cannot be used",
                reason: "it is a link".to_owned(),
            });
        }
        // Fails where the directory is another user's.
        keep_to_ourselves(path).map_err(failed("the directory cannot be made private"))?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        private(&mut options);
        let lock = options
            .open(path.join(LOCK))
            .map_err(failed("the lock file cannot be opened"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(SpoolError::InUse),
            Err(TryLockError::Error(error)) => Err(failed("the lock cannot be taken")(error)),
        }
    }

    pub(super) fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let parsed = parse(&name);
            if let Some((number, _)) = parsed {
                listing.next = listing.next.max(number.saturating_add(1));
            }
            match parsed.filter(|_| is_file) {
                Some((number, priority)) => listing.segments.push(Named {
                    number,
                    priority,
                    path: entry.path(),
                }),
                None if name == LOCK && is_file => {}
                None => listing.others.push(name),
            }
        }
        listing.segments.sort_unstable_by_key(|named| named.number);
        listing.others.sort_unstable();
        Ok(listing)
    }

    /// Where a segment is.
    pub(super) fn path_of(&self, number: u64, priority: Priority) -> PathBuf {
        let priority = priority as u8;
        self.path.join(format!("{number:010}-{priority}{SUFFIX}"))
    }

    /// The directory itself, to be synced.
    pub(super) fn open_directory(&self) -> io::Result<File> {
        File::open(&self.path)
    }
}

/// The number and priority in a segment's name: `0000000042-3.spool`.
fn parse(name: &str) -> Option<(u64, Priority)> {
    let (number, priority) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    if number.len() < 10 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let index: usize = priority.parse().ok().filter(|_| priority.len() == 1)?;
    Some((number.parse().ok()?, *Priority::ALL.get(index)?))
}

#[cfg(unix)]
fn own_directory(builder: &mut DirBuilder) {
    use std::os::unix::fs::DirBuilderExt as _;
    builder.mode(0o700);
}

#[cfg(not(unix))]
fn own_directory(_: &mut DirBuilder) {}

#[cfg(unix)]
fn keep_to_ourselves(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn keep_to_ourselves(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_segments_and_others() {
        assert_eq!(
            parse("0000000042-3.spool"),
            Some((42, Priority::Low)),
            "number and priority"
        );
        assert_eq!(
            parse("12345678901-0.spool"),
            Some((12_345_678_901, Priority::Urgent))
        );
        for name in [
            "lock",
            "42-3.spool",
            "0000000042-5.spool",
            "0000000042-3.spool~",
            "+000000042-3.spool",
            "0000000042-03.spool",
            "0000000042.spool",
            "99999999999999999999999-1.spool",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
