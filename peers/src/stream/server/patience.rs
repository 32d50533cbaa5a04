use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Finds connections on which nothing moves, without a look at the clock per frame.
///
/// A timer looks four times per limit whether there was progress.
#[derive(Debug)]
pub(super) struct Patience {
    timer: Pin<Box<Sleep>>,
    /// How long something that is due may make no progress.
    due: Duration,
    idle: Duration,
    /// What was seen last, and when for the first time.
    seen: State,
    since: Instant,
}

/// What a connection is doing. The number tells progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing, since so many calls.
    Idle(u64),
    /// The client is to grant the rest of a long answer. It may be short of memory.
    Held(u64),
    /// The server makes answers. That takes as long as it takes.
    Working,
    /// The client is to read or to write on.
    Due(u64),
}

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Give spare memory back: nothing has happened for a moment.
    Quiet,
    /// End the connection: nothing has happened for long.
    Idle,
    /// End the connection: what is due does not come.
    Stuck,
}

/// A limit is looked at so many times.
const LOOKS: u32 = 4;

/// After so long without a call a connection is quiet.
const QUIET: Duration = Duration::from_secs(1);

impl Patience {
    pub(super) fn new(due: Duration, idle: Duration) -> Self {
        Self {
            timer: Box::pin(sleep(QUIET.min(idle))),
            due,
            idle,
            seen: State::Idle(0),
            since: Instant::now(),
        }
    }

    /// Looks at the connection if it is time to.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, state: State) -> Poll<Verdict> {
        let begins_to_be_due =
            matches!(state, State::Due(_)) && !matches!(self.seen, State::Due(_));
        if begins_to_be_due {
            self.see(state);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if state != self.seen {
                self.see(state);
                continue;
            }
            let waited = self.since.elapsed();
            match state {
                State::Idle(_) if waited >= self.idle => return Poll::Ready(Verdict::Idle),
                State::Held(_) if waited >= self.idle => return Poll::Ready(Verdict::Stuck),
                State::Due(_) if waited >= self.due => return Poll::Ready(Verdict::Stuck),
                State::Idle(_) => {
                    self.set_timer(self.idle / LOOKS);
                    return Poll::Ready(Verdict::Quiet);
                }
                State::Held(_) => self.set_timer(self.idle / LOOKS),
                State::Due(_) => self.set_timer(self.due / LOOKS),
                State::Working => self.set_timer(self.idle),
            }
        }
        Poll::Pending
    }

    fn see(&mut self, state: State) {
        (self.seen, self.since) = (state, Instant::now());
        self.set_timer(match state {
            State::Due(_) => self.due / LOOKS,
            State::Idle(_) => QUIET.min(self.idle),
            State::Held(_) => self.idle / LOOKS,
            State::Working => self.idle,
        });
    }

    fn set_timer(&mut self, length: Duration) {
        self.timer.as_mut().reset(Instant::now() + length);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The next verdict on a connection that stays as it is, and after how many seconds it comes.
    async fn verdict(patience: &mut Patience, state: State) -> (Verdict, u64) {
        let start = Instant::now();
        let verdict = poll_fn(|cx| patience.poll(cx, state)).await;
        (verdict, start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_connection_is_idle_in_the_end() {
        let mut patience = Patience::new(4 * SECOND, 40 * SECOND);
        let state = State::Idle(0);
        let mut quiet = 0;
        while verdict(&mut patience, state).await.0 == Verdict::Quiet {
            quiet += 1;
        }
        assert!(quiet > 0, "spare memory is given back before");
        assert!((40..=51).contains(&patience.since.elapsed().as_secs()));
        // A call begins the wait anew.
        let (next, waited) = verdict(&mut patience, State::Idle(1)).await;
        assert_eq!(next, Verdict::Quiet);
        assert!(waited <= 11, "{waited}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_and_does_not_come_is_stuck_and_work_takes_its_time() {
        let mut patience = Patience::new(4 * SECOND, 40 * SECOND);
        let (stuck, waited) = verdict(&mut patience, State::Due(7)).await;
        assert_eq!(stuck, Verdict::Stuck);
        assert!((4..=5).contains(&waited), "{waited}");
        let working = poll_fn(|cx| patience.poll(cx, State::Working));
        assert!(tokio::time::timeout(1000 * SECOND, working).await.is_err());
        let (held, waited) = verdict(&mut patience, State::Held(0)).await;
        assert_eq!(held, Verdict::Stuck);
        assert!((40..=80).contains(&waited), "{waited}");
    }
}
