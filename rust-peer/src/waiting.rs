//! A producer that waits for memory (section 6 of `PROTOCOL.md`), as a consumer of its stream sees it.

use std::time::{Duration, Instant};

use crate::error::Error;

/// Other threads may be about to release; so long it is left to them.
const GRACE: Duration = Duration::from_millis(1500);

/// The WAITINGs for one stream since its last message.
#[derive(Debug, Default)]
pub struct Waiting {
    /// The first of those that found leases in the way and since which no lease has ended: when it came, and how many leases of the connection had ended by then.
    first: Option<(Instant, u64)>,
    is_news: bool,
}

impl Waiting {
    /// WAITING came; `held` bytes of leases are in its way. Whether there was time to release some, and nobody did.
    pub fn came(&mut self, held: u64, now: Instant, ended_leases: u64) -> bool {
        self.is_news = true;
        if held == 0 {
            self.first = None;
            return false;
        }
        match self.first {
            Some((since, then)) if then == ended_leases => now.saturating_duration_since(since) >= GRACE,
            _ => {
                self.first = Some((now, ended_leases));
                false
            }
        }
    }

    /// A message came, so that the wait is over.
    pub fn is_over(&mut self) {
        self.first = None;
    }

    /// Whether a WAITING came since this was last asked.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.is_news)
    }
}

/// The reader holds what it waits for; both in bytes.
pub fn exhausted(needed: u64, held: u64) -> Error {
    let message = format!(
        "expected leases to end while the reader waits for its next batch, found {held} bytes held, as the producer needs \
         {needed} bytes: drop batches earlier, copy them out (Peer::copy_out, read_all), or raise the producer's maxBytes"
    );
    Error::LeasesExhausted(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_wait_is_in_vain_once_no_lease_has_ended_for_the_grace() {
        let (mut waiting, begin) = (Waiting::default(), Instant::now());
        assert!(!waiting.came(1, begin, 7));
        assert!(!waiting.came(1, begin + SECOND, 7));
        assert!(waiting.came(1, begin + 2 * SECOND, 7));
    }

    #[test]
    fn a_lease_that_ends_begins_the_grace_anew() {
        let (mut waiting, begin) = (Waiting::default(), Instant::now());
        assert!(!waiting.came(1, begin, 7));
        assert!(!waiting.came(1, begin + 2 * SECOND, 8));
        assert!(!waiting.came(1, begin + 3 * SECOND, 8));
        assert!(waiting.came(1, begin + 4 * SECOND, 8));
    }

    #[test]
    fn a_message_begins_the_grace_anew() {
        let (mut waiting, begin) = (Waiting::default(), Instant::now());
        assert!(!waiting.came(1, begin, 7));
        waiting.is_over();
        assert!(!waiting.came(1, begin + 60 * SECOND, 7));
    }

    #[test]
    fn what_others_hold_begins_the_grace_anew() {
        let (mut waiting, begin) = (Waiting::default(), Instant::now());
        assert!(!waiting.came(1, begin, 7));
        assert!(!waiting.came(0, begin + 2 * SECOND, 7));
        assert!(!waiting.came(1, begin + 3 * SECOND, 7));
    }

    #[test]
    fn news_is_news_once() {
        let mut waiting = Waiting::default();
        assert!(!waiting.take_news());
        waiting.came(0, Instant::now(), 0);
        assert!(waiting.take_news());
        assert!(!waiting.take_news());
    }
}
