//! The project's own threads.
//!
//! A pool belongs to the process that made it: in a forked child its threads do not exist, so a new one is made, and the
//! parent's is left alone. A lock that another thread held while the process forked stays held in the child forever: no
//! lock is waited for here, and nothing is done in the child that makes rayon wait for one, as to end a pool does.

use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, ErrorKind, Result};
use crate::panics::catch_all;

/// Deeply nested records and templates need more stack than a thread's usual 2 MiB.
pub(super) const STACK_BYTES: usize = 8 << 20;

pub struct Pool {
    threads: usize,
    current: Mutex<Option<(u32, Arc<ThreadPool>)>>,
}

impl Pool {
    /// `None`: one thread per core that this process may use.
    pub fn new(threads: Option<usize>) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { threads: threads.unwrap_or_else(cores).max(1), current: Mutex::new(None) }
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Lets a thread do work that nobody waits for; what is begun first was given first.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) -> Result<()> {
        self.get()?.spawn(work);
        Ok(())
    }

    /// The threads of this process, started at first use.
    pub fn get(&self) -> Result<Arc<ThreadPool>> {
        let process = std::process::id();
        let Ok(mut current) = self.current.try_lock() else {
            return self.start();
        };
        if let Some((owner, pool)) = &*current
            && *owner == process
        {
            return Ok(pool.clone());
        }
        let pool = self.start()?;
        // It is none, or the parent's.
        mem::forget(current.replace((process, pool.clone())));
        Ok(pool)
    }

    fn start(&self) -> Result<Arc<ThreadPool>> {
        ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .stack_size(STACK_BYTES)
            .thread_name(|i| format!("everyturn-{i}"))
            // They are reported with their record.
            .start_handler(|_| catch_all())
            .build()
            .map(Arc::new)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("threads cannot be started: {error}")))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Nobody else has it, so nothing is locked.
        let current = self.current.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((owner, pool)) = current
            && owner != std::process::id()
        {
            mem::forget(pool);
        }
    }
}
