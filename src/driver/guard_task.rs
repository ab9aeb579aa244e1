//! The loop of one guard, as one future on the engine's thread. In every turn, in this order: sockets, HTTP, commands,
//! timers. So an answer is sent before anything else is looked at, and nobody is judged silent before everything that
//! has arrived was read. After every input the session is drained until it waits.
//!
//! A panic in here resets every connection of the guard, so that the venue's switch acts, and says so. It never takes
//! another guard down.

use super::alarm::Alarm;
use super::call::Answer;
use super::clock;
use super::ending;
use super::lanes::ORDERS_MAX;
use super::lease::Watched;
use super::link::{Arrived, Leaving};
use super::machine::Machine;
use super::shared::{Ask, Shared};
use super::world::{Incoming, World};
use crate::model::{CallTag, Epoch, LossCause, Misuse, Moment, Phase, RequestId};
use crate::session::{Action, Command, Fate, Input};
use crate::venue::CallReply;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// One guard.
pub(super) struct GuardTask<M: Machine> {
    pub(super) machine: M,
    pub(super) world: World,
    pub(super) shared: Arc<Shared>,
    alarm: Alarm,
    /// When the session wants a tick.
    pub(super) until: Option<Moment>,
    stall_limit: Duration,
    pub(super) asks: VecDeque<Ask>,
    pub(super) leases: Vec<Watched>,
    /// What is being handled, for the report after a panic.
    pub(super) doing: &'static str,
    /// A due tick was put off once, because unread bytes were found that the event loop had not reported yet.
    looked_again: bool,
    /// The same with asks.
    read_for_asks: bool,
    /// The last turn left something for the next one, which is on its way.
    pub(super) unfinished: bool,
    /// It was told to let go; over once the session has stopped and nothing is open.
    pub(super) ending: bool,
    /// It has been in some other phase than stopped.
    pub(super) was_running: bool,
    /// The last handle is gone; at this moment everything is dropped whatever the session says.
    pub(super) give_up_at: Option<Moment>,
    pub(super) over: bool,
}

impl<M: Machine> GuardTask<M> {
    pub(super) fn new(machine: M, world: World, shared: Arc<Shared>, alarm: Alarm, stall_limit: Duration) -> Self {
        Self {
            machine,
            world,
            shared,
            alarm,
            until: None,
            stall_limit,
            asks: VecDeque::new(),
            leases: Vec::new(),
            doing: "starting",
            looked_again: false,
            read_for_asks: false,
            unfinished: true,
            ending: false,
            was_running: false,
            give_up_at: None,
            over: false,
        }
    }

    /// One turn of the task on the engine's thread.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.task.register(cx.waker());
        for _ in 0..ROUNDS_MAX {
            self.world.unpolled = false;
            self.world.wishes.reset();
            self.unfinished = self.round(cx);
            if self.unfinished || !self.world.unpolled {
                break;
            }
        }
        self.unfinished |= self.world.unpolled;
        if self.unfinished {
            come_back(cx);
        }
        self.show(cx);
        self.shared.count_turn();
        if self.has_ended() {
            self.finish();
            return Poll::Ready(());
        }
        self.set_alarm(cx);
        Poll::Pending
    }

    /// True when something was left for the next turn.
    fn round(&mut self, cx: &mut Context<'_>) -> bool {
        let unread = self.read(cx);
        self.finish_dials(cx);
        self.finish_calls(cx);
        let unasked = self.hear_asks(cx);
        self.sample(cx);
        self.look_at_pages(cx);
        let unticked = self.tick(cx);
        self.world.sweep(cx, clock::now().at);
        unread || unasked || unticked
    }

    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        self.doing = "reading a link";
        let mut left = MESSAGES_PER_TURN;
        let mut at = 0;
        // By place: handling a message may add links behind and mark any of them as left, but takes none out.
        while let Some(link) = self.world.links.get_mut(at) {
            if link.leaving().is_some() {
                at += 1;
                continue;
            }
            link.poll_write(cx, clock::now().at);
            let epoch = link.epoch;
            match link.poll_arrived(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(arrived) => {
                    self.arrived(cx, epoch, arrived);
                    left -= 1;
                    if left == 0 {
                        return true;
                    }
                }
            }
        }
        false
    }

    fn arrived(&mut self, cx: &mut Context<'_>, epoch: Epoch, arrived: Arrived) {
        match arrived {
            Arrived::Text(text) => self.line(cx, epoch, &text),
            // Text in the wrong wrapping is still text; anything else says nothing.
            Arrived::Binary(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => self.line(cx, epoch, text),
                Err(_) => tracing::debug!(epoch = epoch.0, "a binary message was passed over"),
            },
            Arrived::Pong(nonce) => self.step(cx, Input::Pong { epoch, nonce }, None),
            Arrived::PeerPing => self.step(cx, Input::PeerPing { epoch }, None),
            Arrived::Lost(cause) => self.lost(cx, epoch, cause),
        }
    }

    fn line(&mut self, cx: &mut Context<'_>, epoch: Epoch, text: &str) {
        tracing::trace!(epoch = epoch.0, bytes = text.len(), "line in");
        self.doing = "handling a message";
        self.step(cx, Input::Line { epoch, text }, Some(Incoming { epoch, text }));
    }

    fn lost(&mut self, cx: &mut Context<'_>, epoch: Epoch, cause: LossCause) {
        tracing::debug!(epoch = epoch.0, %cause, "link lost");
        let how = match cause {
            LossCause::Closed { .. } => Leaving::Answer,
            _ => Leaving::Reset,
        };
        if let Some(link) = self.world.links.iter_mut().find(|link| link.epoch == epoch) {
            link.leave(how);
        }
        self.doing = "handling a loss";
        self.step(cx, Input::Lost { epoch, cause }, None);
    }

    fn finish_dials(&mut self, cx: &mut Context<'_>) {
        self.doing = "dialling";
        while let Some((epoch, result)) = self.world.poll_dialled(cx) {
            match result {
                Ok(()) => self.step(cx, Input::Dialled { epoch }, None),
                Err(cause) => {
                    tracing::debug!(epoch = epoch.0, %cause, "dial missed");
                    self.step(cx, Input::Missed { epoch, cause }, None);
                }
            }
        }
    }

    fn finish_calls(&mut self, cx: &mut Context<'_>) {
        self.doing = "handling an HTTP answer";
        while let Some((tag, result)) = self.world.calls.poll_done(cx) {
            self.answered(cx, tag, result);
        }
        if self.was_running && !self.ending {
            self.world.calls.keep_warm(cx);
        }
    }

    fn answered(&mut self, cx: &mut Context<'_>, tag: CallTag, result: Result<Answer, LossCause>) {
        match result {
            Ok(Answer { status, body, date }) => {
                tracing::debug!(tag = tag.0, status, bytes = body.len(), "call answered");
                let reply = CallReply::Got { status, body: &body, date: date.as_deref() };
                self.step(cx, Input::Answered { tag, reply }, None);
            }
            Err(cause) => {
                tracing::debug!(tag = tag.0, %cause, "call failed");
                self.step(cx, Input::Answered { tag, reply: CallReply::Failed(cause) }, None);
            }
        }
    }

    fn hear_asks(&mut self, cx: &mut Context<'_>) -> bool {
        self.doing = "handling a command";
        let contended = !self.shared.take_asks(&mut self.asks);
        // An order is judged after everything that has arrived. The event loop may not have looked since we last slept.
        self.read_for_asks = !self.read_for_asks && !self.asks.is_empty() && self.world.has_news();
        if self.read_for_asks {
            return true;
        }
        for _ in 0..ASKS_PER_TURN {
            let Some(ask) = self.asks.pop_front() else { break };
            self.hear(cx, ask);
        }
        if self.asks.is_empty() && self.give_up_at.is_none() && self.shared.is_released() {
            self.give_up_at = Some(clock::now().at + ending::GIVE_UP_AFTER);
            self.hear(cx, Ask::LetGo { close_frame: false });
        }
        contended || !self.asks.is_empty()
    }

    pub(super) fn hear(&mut self, cx: &mut Context<'_>, ask: Ask) {
        match ask {
            Ask::Start => self.command(cx, Command::Start),
            Ask::LetGo { close_frame } => {
                self.ending = true;
                self.world.ends_with_close_frame |= close_frame;
                self.command(cx, Command::LetGo);
            }
            Ask::Farewell { reason } => self.command(cx, Command::Farewell { reason: &reason }),
            Ask::Rearm { acknowledge } => self.rearm(cx, acknowledge.as_str()),
            Ask::LeaseAdd { lease: cell, shared } => {
                let (id, terms) = (cell.id, cell.terms.clone());
                // Known to the session before it is watched: a renewal that is there already must not come first.
                self.command(cx, Command::LeaseAdd { id, terms });
                self.leases.push(Watched::new(cell, shared.as_ref()));
            }
            Ask::LeaseClose { id, reason } => {
                self.command(cx, Command::LeaseClose { id, reason: &reason });
                self.leases.retain(|watched| watched.cell.id != id);
            }
            Ask::Maintenance { begin, reason } => self.command(cx, Command::Maintenance { begin, reason: &reason }),
            Ask::Abandon => self.command(cx, Command::Abandon),
            Ask::Kill { reason } => self.command(cx, Command::Kill { reason: &reason }),
            Ask::Request { id, method, params, sticky, unsafe_named } => {
                if self.takes_request(id, true) {
                    self.command(cx, Command::Request { id, method: &method, params: &params, sticky, unsafe_named });
                }
            }
            Ask::Send { id, line, unsafe_named } => {
                if self.takes_request(id, false) {
                    self.command(cx, Command::Send { id, line: &line, unsafe_named });
                }
            }
        }
    }

    pub(super) fn command(&mut self, cx: &mut Context<'_>, command: Command<'_>) {
        self.step(cx, Input::Command(command), None);
    }

    /// Refuses a request here when its line could not be queued: the session must not believe it sent.
    fn takes_request(&mut self, id: RequestId, answered: bool) -> bool {
        if self.world.is_order_lane_full() {
            self.world.settle(id, Fate::Refused(Misuse::TooManyPending { limit: ORDERS_MAX }));
            return false;
        }
        self.world.expect(id, answered);
        true
    }

    /// Layer L2, on every link with a probe out.
    fn sample(&mut self, cx: &mut Context<'_>) {
        self.doing = "looking at a send queue";
        for at in 0..self.world.links.len() {
            let link = &mut self.world.links[at];
            if link.leaving().is_some() {
                continue;
            }
            let epoch = link.epoch;
            let (told, due) = link.sample(clock::now().at);
            if let Some(due) = due {
                self.world.wishes.wish(due);
            }
            if let Some(stuck_for) = told {
                self.step(cx, Input::SendQueue { epoch, stuck_for }, None);
            }
        }
    }

    /// Ticks as long as something is due. True when that must go on in another turn.
    fn tick(&mut self, cx: &mut Context<'_>) -> bool {
        self.doing = "handling a tick";
        for _ in 0..TICKS_PER_TURN {
            let now = clock::now().at;
            if self.until.is_none_or(|until| now < until) {
                self.looked_again = false;
                return false;
            }
            // Judge nobody before everything that has arrived was read. The event loop may not have looked at the
            // sockets since we last slept; it does before we come back.
            if !self.looked_again && self.world.has_unread() {
                self.looked_again = true;
                return true;
            }
            self.looked_again = false;
            self.step(cx, Input::Tick, None);
        }
        true
    }

    /// One input, and before it every renewal made until now: what happens because of it depends on them.
    fn step(&mut self, cx: &mut Context<'_>, input: Input<'_>, incoming: Option<Incoming<'_>>) {
        self.hand_in_renewals(cx);
        self.hand_in(cx, input, incoming);
    }

    /// One input, and everything the session wants because of it.
    pub(super) fn hand_in(&mut self, cx: &mut Context<'_>, input: Input<'_>, incoming: Option<Incoming<'_>>) {
        let now = clock::now();
        self.machine.handle(now, input);
        self.world.publisher.mark_stale();
        for _ in 0..ACTIONS_MAX {
            match self.machine.poll() {
                Action::Wait { until, .. } => {
                    self.until = until;
                    return;
                }
                action => self.world.perform(cx, now.at, action, incoming),
            }
        }
        // Caught like any other bug: the links are reset and the guard is faulted.
        panic!("the session does not come to rest");
    }

    /// Lets the world see what changed.
    fn show(&mut self, cx: &mut Context<'_>) {
        self.doing = "taking a snapshot";
        let now = clock::now().at;
        let fresh_until = self.until.map_or(Moment::from_nanos(u64::MAX), |until| until.max(now) + self.stall_limit);
        self.shared.set_fresh_until(fresh_until);
        let machine = &self.machine;
        self.world.publisher.publish(now, || machine.snapshot());
        let was_running = self.was_running;
        self.was_running = was_running || self.world.publisher.phase() != Phase::Stopped;
        // Once it runs, connections are opened ahead.
        let begins = self.was_running && !was_running;
        if !self.world.publisher.hand_over() || begins {
            come_back(cx);
        }
    }

    /// The earliest thing anybody waits for. The clock is asked again when it rings.
    fn set_alarm(&mut self, cx: &mut Context<'_>) {
        self.doing = "setting the alarm";
        let wanted =
            [self.until, self.pages_due(), self.world.wishes.earliest(), self.world.publisher.due(), self.give_up_at];
        self.alarm.set(cx, wanted.into_iter().flatten().min()).expect("every moment is a valid time for a timer");
    }
}

/// Polls the task again, after the event loop has looked at the sockets.
fn come_back(cx: &mut Context<'_>) {
    let mut later = std::pin::pin!(tokio::task::yield_now());
    // Pending by design: it has arranged the wake-up.
    let _ = later.as_mut().poll(cx);
}

/// Timers get their turn after this many messages, however many more there are.
const MESSAGES_PER_TURN: usize = 256;
const ASKS_PER_TURN: usize = 256;
const TICKS_PER_TURN: usize = 16;
/// New dials and calls are polled at once; a session that makes new ones in every round must not keep the thread.
const ROUNDS_MAX: usize = 8;
/// No input causes this many actions.
const ACTIONS_MAX: usize = 100_000;
