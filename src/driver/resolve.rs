//! Names to addresses, with a memory: the last good addresses of a name are used when the resolver fails or is slow. A
//! resolver that hangs must cost a re-dial a quarter of a second, not a window.

use super::alarm::Wishes;
use super::clock;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

/// The memory of one engine.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    names: Arc<Mutex<Names>>,
}

type Names = BTreeMap<(String, u16), Name>;

#[derive(Default)]
struct Name {
    /// The last good answer, best first; empty before the first one.
    good: Vec<SocketAddr>,
    /// A look-up is under way. It is never given up, only not waited for: its answer is good for the next dial.
    looking: bool,
    /// Look-ups that ended.
    answered: u64,
    waiting: Vec<Waker>,
}

impl Resolver {
    /// Addresses of a host, best first; empty when none is known. May take as long as the system's resolver, when
    /// there is no earlier answer; the caller has a deadline.
    pub(super) async fn addresses(&self, host: &str, port: u16, wishes: &Wishes) -> Vec<SocketAddr> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return vec![SocketAddr::new(address, port)];
        }
        let key = (host.to_owned(), port);
        let seen = self.look_up(&key);
        let answer = self.answered_after(&key, seen);
        if self.good(&key).is_empty() {
            answer.await;
        } else {
            wishes.within(clock::now().at + PATIENCE, answer).await;
        }
        self.good(&key)
    }

    /// This address of the host worked: next time it comes first.
    pub(super) fn prefer(&self, host: &str, address: SocketAddr) {
        if let Some(name) = self.names().get_mut(&(host.to_owned(), address.port()))
            && let Some(at) = name.good.iter().position(|known| *known == address)
        {
            name.good[..=at].rotate_right(1);
        }
    }

    /// Held for a look or a change and never across a wait; only the engine's thread comes here.
    fn names(&self) -> MutexGuard<'_, Names> {
        super::shared::lock(&self.names)
    }

    fn good(&self, key: &(String, u16)) -> Vec<SocketAddr> {
        self.names().get(key).map(|name| name.good.clone()).unwrap_or_default()
    }

    /// Sees to it that a look-up is under way; returns how many had ended before it.
    fn look_up(&self, key: &(String, u16)) -> u64 {
        let mut names = self.names();
        let name = names.entry(key.clone()).or_default();
        if !name.looking {
            name.looking = true;
            tokio::spawn(ask_system(self.clone(), key.clone()));
        }
        name.answered
    }

    fn answered_after(&self, key: &(String, u16), seen: u64) -> impl Future<Output = ()> {
        std::future::poll_fn(move |cx| {
            let mut names = self.names();
            let Some(name) = names.get_mut(key) else { return Poll::Ready(()) };
            if name.answered != seen {
                return Poll::Ready(());
            }
            if !name.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                name.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
    }

    fn answered(&self, key: &(String, u16), found: Vec<SocketAddr>) {
        let mut names = self.names();
        let Some(name) = names.get_mut(key) else { return };
        name.looking = false;
        name.answered += 1;
        if !found.is_empty() {
            let best = name.good.first().copied();
            name.good = found;
            if let Some(at) = name.good.iter().position(|address| Some(*address) == best) {
                name.good[..=at].rotate_right(1);
            }
        }
        name.waiting.drain(..).for_each(Waker::wake);
    }
}

async fn ask_system(resolver: Resolver, key: (String, u16)) {
    let found = match tokio::net::lookup_host((key.0.as_str(), key.1)).await {
        Ok(found) => found.take(ADDRESSES_MAX).collect(),
        Err(error) => {
            tracing::debug!(host = key.0, %error, "name not resolved");
            Vec::new()
        }
    };
    resolver.answered(&key, found);
}

/// How long a known address waits for a fresher answer.
const PATIENCE: Duration = Duration::from_millis(250);
/// More addresses than this help nobody within a connect deadline.
const ADDRESSES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_own_answer() {
        on_engine(|resolver| async move {
            let found = resolver.addresses("192.0.2.7", 443, &Wishes::default()).await;
            assert_eq!(found, ["192.0.2.7:443".parse().unwrap()]);
        });
    }

    #[test]
    fn a_name_that_no_longer_resolves_keeps_its_last_good_addresses() {
        on_engine(|resolver| async move {
            let key = ("killcord.invalid".to_owned(), 443);
            let known: SocketAddr = "192.0.2.7:443".parse().unwrap();
            resolver.names().entry(key.clone()).or_default();
            resolver.answered(&key, vec![known]);
            assert_eq!(resolver.addresses("killcord.invalid", 443, &Wishes::default()).await, [known]);
        });
    }

    #[test]
    fn a_resolver_that_hangs_costs_a_known_name_a_quarter_of_a_second() {
        on_engine(|resolver| async move {
            let key = ("killcord.invalid".to_owned(), 443);
            let known: SocketAddr = "192.0.2.7:443".parse().unwrap();
            resolver.names().entry(key.clone()).or_default();
            resolver.answered(&key, vec![known]);
            // A look-up that never ends is under way.
            resolver.names().get_mut(&key).unwrap().looking = true;
            let wishes = Wishes::default();
            let asking = resolver.addresses("killcord.invalid", 443, &wishes);
            let mut asking = std::pin::pin!(asking);
            let mut waited = false;
            let found = std::future::poll_fn(|cx| match asking.as_mut().poll(cx) {
                Poll::Ready(found) => Poll::Ready(found),
                Poll::Pending => {
                    assert!(wishes.earliest().is_some(), "nobody would wake it");
                    waited = true;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            })
            .await;
            assert!(waited);
            assert_eq!(found, [known]);
        });
    }

    #[test]
    fn the_address_that_worked_comes_first_next_time() {
        on_engine(|resolver| async move {
            let key = ("killcord.invalid".to_owned(), 443);
            let all: Vec<SocketAddr> =
                ["192.0.2.1:443", "192.0.2.2:443", "192.0.2.3:443"].iter().map(|a| a.parse().unwrap()).collect();
            resolver.names().entry(key.clone()).or_default();
            resolver.answered(&key, all.clone());
            resolver.prefer("killcord.invalid", all[2]);
            assert_eq!(resolver.good(&key), [all[2], all[0], all[1]]);
            resolver.answered(&key, all.clone());
            assert_eq!(resolver.good(&key), [all[2], all[0], all[1]]);
        });
    }

    fn on_engine<F: Future<Output = ()>>(test: impl FnOnce(Resolver) -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, test(Resolver::default()));
        runtime.shutdown_background();
    }
}
