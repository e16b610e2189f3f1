//! What ends a wait for events from another thread: a counter of the system's, watched beside what
//! the loop watches.
//!
//! It is watched for its edges: each number that is added ends a wait, and nobody has to read it.
//!
//! # Source
//! `sys/unix/waker/eventfd.rs` of mio 1.0 does the same.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The mark by which [`super::poll::wait`] knows the event; no descriptor is so great.
pub(super) const MARK: u64 = u64::MAX;

/// The counter; there is none before it is first watched, and after it was closed.
#[derive(Debug, Default)]
pub(crate) struct Waker(RefCell<Option<File>>);

impl Waker {
    /// Has waits on `epoll` ended by it.
    ///
    /// # Errors
    /// When there are no descriptors left, and what else `epoll_ctl` gives.
    pub(crate) fn watch(&self, epoll: i32) -> io::Result<()> {
        let mut counter = self.0.borrow_mut();
        let counter = match &mut *counter {
            Some(counter) => counter,
            none => none.insert(new()?),
        };
        let mut event = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLET) as u32,
            u64: MARK,
        };
        let descriptor = counter.as_raw_fd();
        // SAFETY: S8, the event outlives the call.
        let added = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, descriptor, &mut event) };
        if added == 0 {
            return Ok(());
        }
        match io::Error::last_os_error() {
            error if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            error => Err(error),
        }
    }

    /// Ends the wait, or the next one.
    ///
    /// # Errors
    /// What writing gives; `NotFound` where there is no counter.
    pub(crate) fn wake(&self) -> io::Result<()> {
        let counter = self.0.borrow();
        let mut counter = counter.as_ref().ok_or(ErrorKind::NotFound)?;
        let one = 1u64.to_ne_bytes();
        match counter.write_all(&one) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // It is as great as can be: it begins anew.
                let _ = counter.read(&mut [0; size_of::<u64>()]);
                counter.write_all(&one)
            }
            written => written,
        }
    }

    /// Lets go of the descriptor.
    pub(crate) fn close(&self) {
        self.0.take();
    }
}

fn new() -> io::Result<File> {
    // SAFETY: S8, no memory is given.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: S8, the descriptor was made above and belongs to nobody.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}
