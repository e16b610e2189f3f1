//! A panic that ended a task.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// A panic that ended a task. Its copies share one payload.
#[derive(Clone)]
pub struct Panic(Arc<Payload>);

struct Payload {
    message: Box<str>,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = payload
            .downcast_ref::<&'static str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a payload that is no text");
        Self(Arc::new(Payload {
            message: message.into(),
            payload: Mutex::new(Some(payload)),
        }))
    }

    /// The message of the panic.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::Outcome;
    /// let mut task = stook::spawn(async { Err::<(), stook::Cancelled>(panic!("no paper")) });
    /// let Outcome::Panicked(panic) = task.join().await? else { panic!() };
    /// assert_eq!(panic.message(), "no paper");
    /// # Ok(()) }
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What `panic!` was given. Of several copies the first to ask gets it, the others the message.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::Outcome;
    /// let mut task = stook::spawn(async { Err::<(), stook::Cancelled>(panic!("no paper")) });
    /// let Outcome::Panicked(panic) = task.join().await? else { panic!() };
    /// let payload = panic.into_payload();
    /// assert_eq!(payload.downcast_ref(), Some(&"no paper"));
    /// # Ok(()) }
    /// ```
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        let payload = lock(&self.0.payload).take();
        payload.unwrap_or_else(|| Box::new(self.0.message.to_string()))
    }

    /// Goes on with the panic in the caller.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::Outcome;
    /// let mut task = stook::spawn(async { Err::<(), stook::Cancelled>(panic!("no paper")) });
    /// let Outcome::Panicked(panic) = task.join().await? else { panic!() };
    /// let again = std::panic::catch_unwind(|| panic.resume()).unwrap_err();
    /// assert_eq!(again.downcast_ref(), Some(&"no paper"));
    /// # Ok(()) }
    /// ```
    pub fn resume(self) -> ! {
        panic::resume_unwind(self.into_payload())
    }
}

impl Drop for Payload {
    /// A payload that panics in its turn stops nobody.
    fn drop(&mut self) {
        let payload = lock(&self.payload).take();
        if let Err(again) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
    }
}

/// Its [message](Panic::message).
impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Panic({:?})", self.0.message)
    }
}
