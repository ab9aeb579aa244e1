//! The second link of a guard, which only carries orders. Its loss trips nothing and is mended by dialling again; its
//! requests in flight get the fate *unknown*.

use super::contract::HangUp;
use super::link::{Pulse, venue_probe_period};
use super::queue::Queued;
use super::refusals::pause_after;
use super::{Deadline, Session};
use crate::model::{Epoch, EventKind, LinkRole, LossCause, Moment, Refusal, RefusalClass};
use crate::parts::{Redial, Verdict};
use crate::venue::{Intent, Venue};
use std::time::Duration;

/// The trade link, in whatever state.
pub(super) struct TradeLink {
    redial: Redial,
    state: State,
}

#[expect(clippy::large_enum_variant, reason = "one per guard, never moved about; a box would buy nothing")]
enum State {
    None,
    Dialling { epoch: Epoch, began: Moment },
    Up { epoch: Epoch, pulse: Pulse, ready: bool },
}

impl TradeLink {
    pub(super) fn new(sparse: Duration, seed: u64) -> Self {
        Self { redial: Redial::new(sparse, seed.rotate_left(17)), state: State::None }
    }

    /// Its epoch while it is up.
    pub(super) fn epoch(&self) -> Option<Epoch> {
        match self.state {
            State::Up { epoch, .. } => Some(epoch),
            State::None | State::Dialling { .. } => None,
        }
    }

    /// Its epoch once it is logged in.
    pub(super) fn ready_epoch(&self) -> Option<Epoch> {
        match self.state {
            State::Up { epoch, ready: true, .. } => Some(epoch),
            State::Up { .. } | State::None | State::Dialling { .. } => None,
        }
    }

    pub(super) fn dialling(&self, asked: Epoch) -> bool {
        matches!(self.state, State::Dialling { epoch, .. } if epoch == asked)
    }

    pub(super) fn pong(&mut self, now: Moment, nonce: u64) {
        if let Some(pulse) = self.pulse_mut() {
            pulse.liveness.pong(now, nonce);
        }
    }

    pub(super) fn venue_answered(&mut self) {
        if let Some(pulse) = self.pulse_mut() {
            pulse.liveness.venue_answered();
        }
    }

    pub(super) fn forgive(&mut self, late: Duration) {
        if let Some(pulse) = self.pulse_mut() {
            pulse.liveness.forgive(late);
        }
    }

    fn pulse_mut(&mut self) -> Option<&mut Pulse> {
        match &mut self.state {
            State::Up { pulse, .. } => Some(pulse),
            State::None | State::Dialling { .. } => None,
        }
    }

    fn any_epoch(&self) -> Option<Epoch> {
        match self.state {
            State::Up { epoch, .. } | State::Dialling { epoch, .. } => Some(epoch),
            State::None => None,
        }
    }
}

impl<V: Venue> Session<V> {
    /// Dials the trade link if the venue has one, it is down, and the pause is over.
    pub(super) fn trade_want_dial(&mut self) {
        let wanted =
            self.standing.running() && !self.leases.are_over() && self.venue.endpoint(LinkRole::Trade).is_some();
        if !wanted || !matches!(self.trade.state, State::None) {
            return;
        }
        let at = self.dial_limit.ready_at(self.trade.redial.next(self.now.at));
        if at > self.now.at {
            return self.deadlines.set(Deadline::TradeDial, at);
        }
        let epoch = self.next_epoch();
        self.dial_limit.take(self.now.at);
        self.trade.redial.begin(self.now.at, self.dial_limit.is_scarce(self.now.at));
        self.trade.state = State::Dialling { epoch, began: self.now.at };
        self.queue.push(Queued::Dial { epoch, role: LinkRole::Trade });
        self.tell(EventKind::Dialling { role: LinkRole::Trade, epoch, standby: false });
    }

    pub(super) fn trade_dialled(&mut self, epoch: Epoch) {
        let State::Dialling { began, .. } = self.trade.state else { return };
        let pulse = Pulse::new(epoch, &self.policy, self.venue.facts());
        self.trade.state = State::Up { epoch, pulse, ready: false };
        self.tell(EventKind::LinkUp { role: LinkRole::Trade, epoch, took: self.now.at.since(began) });
        self.deadlines.set(Deadline::TradeStep, self.now.at + self.policy.step_deadline);
        self.trade_probe();
        self.venue.begin(self.now, LinkRole::Trade, epoch, &mut self.out);
        self.drain();
    }

    pub(super) fn trade_ready(&mut self) {
        if let State::Up { ready, .. } = &mut self.trade.state {
            *ready = true;
        }
        self.trade.redial.succeeded();
        self.deadlines.stop(Deadline::TradeStep);
        self.deadlines.set(Deadline::TradeVenueProbe, self.now.at + self.trade_period());
    }

    /// The order link could not log in. The guarding link, and so the protection, is not touched by that.
    pub(super) fn trade_refused(&mut self, refusal: Refusal) {
        // Where the guarding link waits for a person the key is at fault, whatever this link's code says (Bybit's 10003 is
        // "too many sessions" here and "invalid key" there): the venue is asked no more often.
        let class = if self.standing.refused { RefusalClass::Fatal } else { refusal.class };
        self.trade.redial.pause_until(self.now.at + pause_after(class));
        self.tell_refusal(refusal);
        self.trade_hang_up(LossCause::OnPurpose);
    }

    pub(super) fn trade_hang_up(&mut self, cause: LossCause) {
        if let Some(epoch) = self.trade.any_epoch() {
            self.queue.unsay(epoch);
            self.queue.push(Queued::HangUp { epoch, how: HangUp::Abort });
            self.trade_lost(cause);
        }
    }

    pub(super) fn trade_lost(&mut self, cause: LossCause) {
        let Some(epoch) = self.trade.any_epoch() else { return };
        self.trade.state = State::None;
        self.queue.unsay(epoch);
        self.venue.forget(LinkRole::Trade);
        self.lose_pending(epoch);
        self.stop_trade_deadlines();
        let loss = self.loss(LinkRole::Trade, cause);
        self.tell(EventKind::LinkLost { epoch, loss });
        self.trade_want_dial();
    }

    pub(super) fn trade_probe(&mut self) {
        let State::Up { epoch, pulse, .. } = &mut self.trade.state else { return };
        let verdict = pulse.liveness.judge(self.now.at);
        pulse.verdict = verdict;
        if let Verdict::Dead { .. } = verdict {
            return self.trade_hang_up(LossCause::Silent);
        }
        let nonce = pulse.liveness.ping(self.now.at);
        self.queue.push(Queued::Ping { epoch: *epoch, nonce });
        self.deadlines.set(Deadline::TradeProbe, self.now.at + self.policy.probe_every);
    }

    pub(super) fn trade_venue_probe(&mut self) {
        let period = self.trade_period();
        let Some(pulse) = self.trade.pulse_mut() else { return };
        pulse.liveness.venue_asked(self.now.at);
        self.deadlines.set(Deadline::TradeVenueProbe, self.now.at + period);
        self.venue.say(self.now, Intent::Probe(LinkRole::Trade), &mut self.out);
    }

    pub(super) fn trade_end(&mut self) {
        self.stop_trade_deadlines();
        if let Some(epoch) = self.trade.any_epoch() {
            self.queue.push(Queued::HangUp { epoch, how: HangUp::Abort });
            self.lose_pending(epoch);
            self.venue.forget(LinkRole::Trade);
            self.trade.state = State::None;
        }
    }

    fn trade_period(&self) -> Duration {
        venue_probe_period(&self.policy, self.venue.facts())
    }

    fn stop_trade_deadlines(&mut self) {
        for deadline in [Deadline::TradeDial, Deadline::TradeStep, Deadline::TradeProbe, Deadline::TradeVenueProbe] {
            self.deadlines.stop(deadline);
        }
    }
}
