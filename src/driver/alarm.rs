//! Waiting for a moment. One kernel timer per guard, on the same clock that decides (`CLOCK_BOOTTIME`), so that a
//! machine that slept finds its deadlines passed and not postponed. The timer only wakes; whether the moment has come is
//! asked of the clock.

use super::clock;
use crate::model::Moment;
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A kernel timer that wakes the task that polls it.
pub(super) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    set_for: Option<Moment>,
}

impl Alarm {
    /// Within the runtime that will wait.
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Boottime, flags)?;
        // SAFETY: the registered value owns an open descriptor and is never replaced while it is registered.
        let timer = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
        Ok(Self { timer, set_for: None })
    }

    /// Wakes the task at `at`. Costs nothing when it is set for that already.
    pub(super) fn set(&mut self, at: Option<Moment>) -> io::Result<()> {
        if self.set_for == at {
            return Ok(());
        }
        // All zero would switch the timer off: moment zero is long past, and so is one nanosecond after it.
        let nanos = at.map_or(0, |at| at.nanos().max(1));
        let it_value = Timespec {
            tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
        };
        let never_again = Timespec { tv_sec: 0, tv_nsec: 0 };
        let when = Itimerspec { it_interval: never_again, it_value };
        timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::ABSTIME, &when)?;
        self.set_for = at;
        Ok(())
    }

    /// Makes sure that the task is woken, and takes note when it was.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Poll::Ready(ready) = self.timer.poll_read_ready(cx) {
            let mut ready = ready?;
            let mut expirations = [0u8; 8];
            match rustix::io::read(self.timer.get_ref(), &mut expirations) {
                Ok(_) => {
                    self.set_for = None;
                    ready.clear_ready();
                }
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The earliest moment at which anybody in a guard's task wants to be polled again. Collected anew in every turn; shared
/// by the parts of one task, so never used from two threads at a time.
#[derive(Clone)]
pub(super) struct Wishes(Arc<AtomicU64>);

impl Default for Wishes {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(NEVER)))
    }
}

impl Wishes {
    /// Forgets what was wished for in the turn before.
    pub(super) fn reset(&self) {
        self.0.store(NEVER, Ordering::Relaxed);
    }

    /// Poll me at `at` at the latest.
    pub(super) fn wish(&self, at: Moment) {
        self.0.fetch_min(at.nanos(), Ordering::Relaxed);
    }

    /// The earliest of all.
    pub(super) fn earliest(&self) -> Option<Moment> {
        let nanos = self.0.load(Ordering::Relaxed);
        (nanos != NEVER).then(|| Moment::from_nanos(nanos))
    }

    /// `work`, or `None` when `deadline` comes first. Work that is ready at its deadline counts.
    pub(super) async fn within<T>(&self, deadline: Moment, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|cx| self.poll_within(cx, deadline, work.as_mut())).await
    }

    fn poll_within<T>(
        &self,
        cx: &mut Context<'_>,
        deadline: Moment,
        work: Pin<&mut impl Future<Output = T>>,
    ) -> Poll<Option<T>> {
        if let Poll::Ready(done) = work.poll(cx) {
            return Poll::Ready(Some(done));
        }
        if clock::now().at >= deadline {
            return Poll::Ready(None);
        }
        self.wish(deadline);
        Poll::Pending
    }
}

/// Nobody wishes for anything.
const NEVER: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_alarm_wakes_within_two_milliseconds_after_its_moment_and_never_before() {
        let late: Vec<Duration> = on_runtime(async {
            let mut alarm = Alarm::new().unwrap();
            let mut late = Vec::new();
            for _ in 0..50 {
                let at = clock::now().at + Duration::from_millis(3);
                wait(&mut alarm, at).await;
                let now = clock::now().at;
                assert!(now >= at, "woke early");
                late.push(now.since(at));
            }
            late
        });
        let mut sorted = late.clone();
        sorted.sort();
        // A busy machine delays some; a timer of the wrong clock or grain delays all.
        assert!(sorted[sorted.len() / 4] < Duration::from_millis(2), "{sorted:?}");
    }

    #[test]
    fn an_alarm_set_for_the_past_wakes_at_once() {
        on_runtime(async {
            let mut alarm = Alarm::new().unwrap();
            wait(&mut alarm, Moment::default()).await;
        });
    }

    #[test]
    fn an_alarm_moved_to_an_earlier_moment_wakes_at_that() {
        on_runtime(async {
            let mut alarm = Alarm::new().unwrap();
            let start = clock::now().at;
            alarm.set(Some(start + Duration::from_secs(60))).unwrap();
            wait(&mut alarm, start + Duration::from_millis(5)).await;
            assert!(clock::now().at.since(start) < Duration::from_secs(5));
        });
    }

    /// As a guard's task does it: check the clock, wish, poll, sleep.
    async fn wait(alarm: &mut Alarm, at: Moment) {
        let mut fired = false;
        std::future::poll_fn(|cx| {
            if fired && clock::now().at >= at {
                return Poll::Ready(());
            }
            fired = true;
            alarm.set(Some(at)).unwrap();
            alarm.poll(cx).unwrap();
            if alarm.set_for.is_none() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn on_runtime<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(work)
    }
}
