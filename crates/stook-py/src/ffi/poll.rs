//! Waiting for file descriptors, with the interpreter left to other threads meanwhile.

use std::cell::RefCell;
use std::io;

use pyo3::prelude::*;

use super::waker;

/// What a file descriptor is ready for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    /// The file descriptor.
    pub(crate) descriptor: i32,
    /// Anything but "only writable": input, hang-up or error.
    pub(crate) readable: bool,
    /// Anything but "only readable": room for output, hang-up or error.
    pub(crate) writable: bool,
}

thread_local! {
    static BUFFER: RefCell<Vec<libc::epoll_event>> = const { RefCell::new(Vec::new()) };
}

/// Waits on `epoll` for at most `milliseconds` (-1: for ever), for at most `most` events; a
/// [`waker::Waker`] that ends the wait is not among them. `is_over` is asked before, with the
/// interpreter left already: whether the wait has ended.
///
/// # Errors
/// What `epoll_wait` gives, `EINTR` included.
pub(crate) fn wait(
    py: Python<'_>,
    epoll: i32,
    milliseconds: i32,
    most: usize,
    is_over: impl FnOnce() -> bool + Send,
) -> io::Result<Vec<Readiness>> {
    py.detach(|| {
        if is_over() {
            return Ok(Vec::new());
        }
        BUFFER.with_borrow_mut(|buffer| {
            let most = (most + 1).clamp(1, 4096);
            buffer.resize(most, libc::epoll_event { events: 0, u64: 0 });
            let capacity = i32::try_from(most).unwrap_or(i32::MAX);
            // SAFETY: S8, the buffer has room for `capacity` events and outlives the call.
            let count =
                unsafe { libc::epoll_wait(epoll, buffer.as_mut_ptr(), capacity, milliseconds) };
            let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
            let input = libc::EPOLLIN as u32;
            let output = libc::EPOLLOUT as u32;
            Ok(buffer[..count]
                .iter()
                .filter(|event| event.u64 != waker::MARK)
                .map(|event| {
                    let (events, data) = (event.events, event.u64);
                    Readiness {
                        descriptor: data as i32,
                        readable: events & !output != 0,
                        writable: events & !input != 0,
                    }
                })
                .collect())
        })
    })
}

/// Writes a byte, a zero, to a socket that does not block.
///
/// # Errors
/// What `send` gives.
pub(crate) fn send_zero(socket: i32) -> io::Result<()> {
    let zero = [0u8];
    // SAFETY: S8, one byte is there to be read.
    let count = unsafe { libc::send(socket, zero.as_ptr().cast(), 1, 0) };
    match count {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Reads from a socket that does not block; how many bytes there were.
///
/// # Errors
/// What `recv` gives.
pub(crate) fn receive(socket: i32, data: &mut [u8]) -> io::Result<usize> {
    // SAFETY: S8, the buffer has room for as many and outlives the call.
    let count = unsafe { libc::recv(socket, data.as_mut_ptr().cast(), data.len(), 0) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}
