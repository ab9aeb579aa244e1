//! The client's side of the Autobahn test suite, for `make conformance`: a dial, a link and its end are those of every
//! guard; only what decides is replaced by "say everything back". The suite is the server, and it judges.

use crate::driver::alarm::{Alarm, Timer, Wishes};
use crate::driver::clock;
use crate::driver::dial::{Dialler, MESSAGE_MAX};
use crate::driver::farewell::Farewell;
use crate::driver::gates::Gates;
use crate::driver::link::{Arrived, Leaving, Link};
use crate::driver::resolve::Resolver;
use crate::driver::spec::StageDeadlines;
use crate::model::{Endpoint, Epoch, LossCause};
use std::task::{Context, Poll};
use std::time::Duration;

#[test]
#[ignore = "needs the Autobahn test suite as server: make conformance"]
fn every_case_of_the_autobahn_suite_is_played() {
    let server =
        std::env::var("KILLCORD_AUTOBAHN").expect("KILLCORD_AUTOBAHN: where the suite listens, as ws://host:port");
    let count = on_runtime(Client::new(&server, "/getCaseCount", MESSAGE_MAX).play());
    let count: u32 = count.expect("the suite says how many cases there are").parse().unwrap();
    for case in 1..=count {
        let name = format!("/getCaseInfo?case={case}");
        let info = on_runtime(Client::new(&server, &name, MESSAGE_MAX).play()).expect("the suite names each case");
        let path = format!("/runCase?case={case}&agent=killcord");
        // The suite's largest messages are longer than what a guard reads; how it refuses them is played as well.
        if BEYOND.iter().any(|id| info.contains(&format!("\"{id}\""))) {
            let limited = format!("/runCase?case={case}&agent=killcord-with-its-limit");
            on_runtime(Client::new(&server, &limited, MESSAGE_MAX).play());
            on_runtime(Client::new(&server, &path, 4 * MESSAGE_MAX).play());
        } else {
            on_runtime(Client::new(&server, &path, MESSAGE_MAX).play());
        }
    }
    on_runtime(Client::new(&server, "/updateReports?agent=killcord", MESSAGE_MAX).play());
    println!("played {count} cases");
}

/// Messages of 8 and 16 MiB.
const BEYOND: [&str; 4] = ["9.1.5", "9.1.6", "9.2.5", "9.2.6"];

struct Client {
    dialler: Dialler,
    endpoint: Endpoint,
    wishes: Wishes,
}

impl Client {
    fn new(server: &str, path: &str, message_max: usize) -> Self {
        let wishes = Wishes::default();
        let dialler = Dialler {
            resolver: Resolver::default(),
            gates: Gates::default(),
            wishes: wishes.clone(),
            tls: None,
            stages: StageDeadlines::default(),
            user_timeout: Duration::from_secs(5),
            message_max,
        };
        Self { dialler, endpoint: Endpoint::parse("server", &format!("{server}{path}")).unwrap(), wishes }
    }

    /// Dials, says everything back until the link is lost, and ends it as a guard does. Returns the first text.
    async fn play(self) -> Option<String> {
        let timer = Timer::new().unwrap();
        let mut alarm = timer.alarm();
        let ringing = tokio::spawn(timer.ring());
        let mut dial = Box::pin(self.dialler.websocket(&self.endpoint));
        let websocket = self.until(&mut alarm, |cx, _| dial.as_mut().poll(cx)).await.unwrap();
        let mut link = Link::new(Epoch(1), websocket);
        let mut first = None;
        let cause = self.until(&mut alarm, |cx, _| poll_echo(cx, &mut link, &mut first)).await;
        link.leave(if matches!(cause, LossCause::Closed { .. }) { Leaving::Answer } else { Leaving::Reset });
        if link.leaving() == Some(Leaving::Answer) {
            let mut farewell = Farewell::new(link, clock::now().at);
            let poll = |cx: &mut Context<'_>, wishes: &Wishes| {
                if farewell.poll(cx, wishes) { Poll::Ready(()) } else { Poll::Pending }
            };
            self.until(&mut alarm, poll).await;
        }
        ringing.abort();
        first
    }

    /// Polls as a guard's task does: whatever wishes to be woken at some time is.
    async fn until<T>(&self, alarm: &mut Alarm, mut poll: impl FnMut(&mut Context<'_>, &Wishes) -> Poll<T>) -> T {
        std::future::poll_fn(|cx| {
            self.wishes.reset();
            let polled = poll(cx, &self.wishes);
            if polled.is_pending() {
                alarm.set(cx, self.wishes.earliest()).unwrap();
            }
            polled
        })
        .await
    }
}

fn poll_echo(cx: &mut Context<'_>, link: &mut Link, first: &mut Option<String>) -> Poll<LossCause> {
    loop {
        link.poll_write(cx, clock::now().at);
        if link.is_blocked() {
            return Poll::Pending;
        }
        match std::task::ready!(link.poll_arrived(cx)) {
            Arrived::Lost(cause) => return Poll::Ready(cause),
            arrived => {
                if let (None, Arrived::Text(text)) = (&first, &arrived) {
                    *first = Some(text.as_str().to_owned());
                }
                link.echo(cx, &arrived);
            }
        }
    }
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(work)
}
