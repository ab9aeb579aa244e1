//! Waiting for a moment. One kernel timer per engine, on the same clock that decides (`CLOCK_BOOTTIME`), so that a
//! machine that slept finds its deadlines passed and not postponed. Each guard has an alarm on it. The timer only wakes;
//! whether the moment has come is asked of the clock.
//!
//! One timer for all guards: a descriptor each would be a quarter of what a thousand guards need, and the kernel is only
//! asked to change it when the earliest moment of all has changed.

use super::clock;
use super::shared::lock;
use crate::model::Moment;
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The kernel timer of one engine, shared by all who have an alarm on it.
#[derive(Clone)]
pub(super) struct Timer {
    descriptor: Arc<AsyncFd<OwnedFd>>,
    table: Arc<Mutex<Table>>,
}

/// Who is to be woken when.
#[derive(Default)]
struct Table {
    /// The earliest first; the number tells alarms of the same moment apart.
    waiting: BTreeMap<(Moment, u64), Waker>,
    /// What the kernel was told last and has not reported yet.
    told: Option<Moment>,
    names: u64,
}

/// One alarm, which wakes the task that polls it.
pub(super) struct Alarm {
    timer: Timer,
    name: u64,
    set_for: Option<Moment>,
}

impl Timer {
    /// Within the runtime that will wait.
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Boottime, flags)?;
        // SAFETY: the registered value owns an open descriptor and is never replaced while it is registered.
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
        Ok(Self { descriptor: Arc::new(descriptor), table: Arc::default() })
    }

    /// One more alarm, not set.
    pub(super) fn alarm(&self) -> Alarm {
        let mut table = lock(&self.table);
        table.names += 1;
        Alarm { timer: self.clone(), name: table.names, set_for: None }
    }

    /// Wakes whoever is due, for as long as it is polled. Ends with an error of the kernel's, which there is no reason for.
    pub(super) async fn ring(self) -> io::Error {
        loop {
            if let Err(error) = self.rang().await.and_then(|()| self.wake_due()) {
                return error;
            }
        }
    }

    /// Waits until the kernel reports.
    async fn rang(&self) -> io::Result<()> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            let mut expirations = [0u8; 8];
            match rustix::io::read(self.descriptor.get_ref(), &mut expirations) {
                Ok(_) => {
                    ready.clear_ready();
                    lock(&self.table).told = None;
                    return Ok(());
                }
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn wake_due(&self) -> io::Result<()> {
        let now = clock::moment();
        loop {
            let mut table = lock(&self.table);
            match table.waiting.first_entry() {
                Some(first) if first.key().0 <= now => {
                    let waker = first.remove();
                    drop(table);
                    waker.wake();
                }
                Some(_) | None => return self.tell_the_kernel(&mut table),
            }
        }
    }

    /// Only when it must ring earlier than it would. To ring for a moment that nobody waits for any more costs one look.
    fn tell_the_kernel(&self, table: &mut Table) -> io::Result<()> {
        let Some(earliest) = table.waiting.first_key_value().map(|((at, _), _)| *at) else { return Ok(()) };
        if table.told.is_some_and(|told| told <= earliest) {
            return Ok(());
        }
        // All zero would switch the timer off: moment zero is long past, and so is one nanosecond after it.
        let nanos = earliest.nanos().max(1);
        let it_value = Timespec {
            tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
        };
        let never_again = Timespec { tv_sec: 0, tv_nsec: 0 };
        let when = Itimerspec { it_interval: never_again, it_value };
        timerfd_settime(self.descriptor.get_ref(), TimerfdTimerFlags::ABSTIME, &when)?;
        table.told = Some(earliest);
        Ok(())
    }
}

impl Alarm {
    /// Wakes the task of `cx` at `at`, once. Costs nothing when it is set for that already and has not rung.
    pub(super) fn set(&mut self, cx: &Context<'_>, at: Option<Moment>) -> io::Result<()> {
        let mut table = lock(&self.timer.table);
        if let Some(before) = self.set_for {
            match table.waiting.get_mut(&(before, self.name)) {
                Some(waker) if at == Some(before) => {
                    waker.clone_from(cx.waker());
                    return Ok(());
                }
                Some(_) => drop(table.waiting.remove(&(before, self.name))),
                None => {}
            }
        }
        self.set_for = at;
        let Some(at) = at else { return Ok(()) };
        table.waiting.insert((at, self.name), cx.waker().clone());
        self.timer.tell_the_kernel(&mut table)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(before) = self.set_for {
            lock(&self.timer.table).waiting.remove(&(before, self.name));
        }
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
        let late: Vec<Duration> = on_runtime(async |timer| {
            let mut alarm = timer.alarm();
            let mut late = Vec::new();
            for _ in 0..50 {
                let at = clock::now().at + Duration::from_millis(3);
                wait(&mut alarm, at).await;
                late.push(clock::now().at.since(at));
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
        on_runtime(async |timer| wait(&mut timer.alarm(), Moment::default()).await);
    }

    #[test]
    fn an_alarm_moved_to_an_earlier_moment_wakes_at_that() {
        on_runtime(async |timer| {
            let mut alarm = timer.alarm();
            let start = clock::now().at;
            let waker = Context::from_waker(Waker::noop());
            alarm.set(&waker, Some(start + Duration::from_secs(60))).unwrap();
            wait(&mut alarm, start + Duration::from_millis(5)).await;
            assert!(clock::now().at.since(start) < Duration::from_secs(5));
        });
    }

    #[test]
    fn an_alarm_moved_to_a_later_moment_wakes_at_that() {
        on_runtime(async |timer| {
            let mut alarm = timer.alarm();
            let start = clock::now().at;
            let waker = Context::from_waker(Waker::noop());
            alarm.set(&waker, Some(start + Duration::from_millis(2))).unwrap();
            wait(&mut alarm, start + Duration::from_millis(20)).await;
        });
    }

    #[test]
    fn of_many_alarms_each_wakes_at_its_own_moment_whichever_was_set_first() {
        on_runtime(async |timer| {
            let start = clock::now().at;
            let mut waits = tokio::task::JoinSet::new();
            for step in [7u64, 3, 9, 1, 3, 8, 2] {
                let mut alarm = timer.alarm();
                waits.spawn(async move { wait(&mut alarm, start + Duration::from_millis(step * 4)).await });
            }
            while let Some(done) = waits.join_next().await {
                done.unwrap();
            }
            assert!(lock(&timer.table).waiting.is_empty());
        });
    }

    #[test]
    fn a_dropped_alarm_wakes_nobody_and_holds_up_nobody() {
        on_runtime(async |timer| {
            let start = clock::now().at;
            let mut gone = timer.alarm();
            gone.set(&Context::from_waker(Waker::noop()), Some(start + Duration::from_millis(1))).unwrap();
            drop(gone);
            assert!(lock(&timer.table).waiting.is_empty());
            wait(&mut timer.alarm(), start + Duration::from_millis(5)).await;
        });
    }

    /// Until it was woken once, which must not be before its moment.
    async fn wait(alarm: &mut Alarm, at: Moment) {
        let mut woken = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut woken, true) {
                assert!(clock::now().at >= at, "woke early");
                return Poll::Ready(());
            }
            alarm.set(cx, Some(at)).unwrap();
            Poll::Pending
        })
        .await;
    }

    fn on_runtime<T: Send + 'static>(work: impl AsyncFnOnce(Timer) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let timer = Timer::new().unwrap();
            let ringing = tokio::spawn(timer.clone().ring());
            let done = work(timer).await;
            ringing.abort();
            done
        })
    }
}
