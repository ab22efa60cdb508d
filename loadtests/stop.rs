//! The wish to end early: what was measured until then is still told.

use std::sync::Arc;

use tokio::sync::watch;

/// Shared by everything that may have to end; once asked for, it stays.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Asked for by Ctrl-C; a second one ends the process at once.
    pub fn at_interrupt(&self) {
        let stop = self.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if stop.is_asked() {
                    std::process::exit(130);
                }
                stop.ask();
            }
        });
    }

    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    pub async fn asked(&self) {
        let mut watched = self.0.subscribe();
        // The sender lives as long as `self`, so this only ends by the wish.
        let _ = watched.wait_for(|asked| *asked).await;
    }
}
