//! What the application asks for: its life's beginning and end, deliberate acts, and its orders through the gate.

use super::contract::{Command, Fate, HangUp};
use super::link::GuardLink;
use super::queue::Queued;
use super::reconcile::Passed;
use super::standing::Maintenance;
use super::{Deadline, PENDING_MAX, Session};
use crate::model::{Epoch, ErrorReport, EventKind, LinkRole, LossCause, Misuse, Phase, RequestId, SwitchKind};
use crate::venue::{Composed, Intent, Screened, Screening, Venue};

impl<V: Venue> Session<V> {
    pub(super) fn command(&mut self, command: Command<'_>) {
        match command {
            Command::Start => self.start(),
            Command::LetGo => self.let_go(),
            Command::Farewell { reason } => self.farewell(reason),
            Command::Kill { reason } => self.begin_kill(reason),
            Command::Rearm { acknowledge } => self.rearm(acknowledge),
            Command::Maintenance { begin: true, reason } => self.begin_maintenance(reason),
            Command::Maintenance { begin: false, .. } => self.finish_maintenance(),
            Command::Abandon => self.abandon(),
            Command::LeaseAdd { id, terms } => self.add_lease(id, terms),
            Command::LeaseClose { id, reason } => self.close_lease(id, reason),
            Command::Request { id, method, params, sticky, unsafe_named } => {
                if self.request(id, method, params, sticky, unsafe_named) {
                    self.note_request(id, method, params, sticky);
                } else {
                    self.venue.withdraw(id);
                }
            }
            Command::Send { id, line, unsafe_named } => {
                let screened = self.venue.screen(line);
                let _ = self.pass(id, line, &screened, unsafe_named, false);
            }
        }
        self.drain();
    }

    /// Requests that went out on this epoch will not be answered any more.
    pub(super) fn lose_pending(&mut self, epoch: Epoch) {
        self.ledger.link_lost(self.now.at, epoch);
        let lost: Vec<RequestId> = self.pending.iter().filter(|(_, on)| **on == epoch).map(|(id, _)| *id).collect();
        for request in lost {
            self.pending.remove(&request);
            self.queue.push(Queued::Fate { request, fate: Fate::Unknown });
        }
    }

    pub(super) fn farewell_done(&mut self, confirmed: bool) {
        let Some(reason) = self.standing.farewell.take() else { return };
        self.switch.disarmed();
        self.tell(EventKind::Farewell { reason, confirmed });
        self.end(HangUp::Gracefully);
    }

    /// The venue confirmed that the switch is off, as asked.
    pub(super) fn disarmed(&mut self) {
        let Some(maintenance) = &mut self.standing.maintenance else { return };
        if std::mem::replace(&mut maintenance.disarmed, true) {
            return;
        }
        let reason = maintenance.reason.clone();
        self.switch.disarmed();
        self.standing.unproven();
        self.deadlines.stop(Deadline::TripEarly);
        self.deadlines.stop(Deadline::TripLate);
        self.deadlines.stop(Deadline::Feed);
        self.tell(EventKind::Disarmed { reason });
    }

    pub(super) fn end_maintenance(&mut self) {
        self.standing.maintenance = None;
    }

    fn start(&mut self) {
        if !self.standing.start() {
            return self.misuse(Misuse::AlreadyStarted);
        }
        self.venue.prepare(self.now, &mut self.out);
        self.drain();
        self.audit_before_the_first_arm();
        self.want_dial();
        self.trade_want_dial();
    }

    fn let_go(&mut self) {
        if self.standing.running() {
            self.end(HangUp::Abort);
            self.tell(EventKind::LetGo);
        }
    }

    fn farewell(&mut self, reason: &str) {
        if let Some(why) = self.venue.facts().no_farewell {
            return self.misuse(Misuse::NotApplicable { call: "farewell", why });
        }
        if !self.link.as_ref().is_some_and(GuardLink::is_armed) {
            return self.misuse(Misuse::NotConnected);
        }
        self.standing.farewell = Some(reason.to_owned());
        self.restate();
        self.deadlines.stop(Deadline::Feed);
        self.deadlines.set(Deadline::Farewell, self.now.at + self.policy.step_deadline);
        self.venue.say(self.now, Intent::Farewell, &mut self.out);
    }

    fn begin_maintenance(&mut self, reason: &str) {
        if let Some(why) = self.venue.facts().no_disarm {
            return self.misuse(Misuse::NotApplicable { call: "maintenance", why });
        }
        if !self.link.as_ref().is_some_and(GuardLink::is_armed) {
            return self.misuse(Misuse::NotConnected);
        }
        self.standing.maintenance = Some(Maintenance { reason: reason.to_owned(), disarmed: false });
        self.restate();
        self.ask_disarm();
    }

    fn finish_maintenance(&mut self) {
        if !self.standing.off_on_purpose() {
            return self.misuse(Misuse::NotApplicable { call: "maintenance", why: "none is under way" });
        }
        if self.link.is_none() {
            self.end_maintenance();
            return self.want_dial();
        }
        self.venue.say(self.now, Intent::Rearm, &mut self.out);
    }

    /// Not while a kill is under way: it would be undone by the next order. Told where there was something to acknowledge:
    /// words that took nothing off must not stand for a trip that comes later.
    fn rearm(&mut self, acknowledge: &str) {
        if self.kill.is_some() {
            return self.misuse(Misuse::NotApplicable { call: "rearm", why: "a kill is under way" });
        }
        if std::mem::take(&mut self.standing.latched) {
            self.tell(EventKind::Rearmed { acknowledge: acknowledge.to_owned() });
        }
        self.audit_after_rearm();
        self.rearm_leases();
    }

    fn abandon(&mut self) {
        if self.link.is_none() {
            return self.misuse(Misuse::NotConnected);
        }
        self.hang_up(LossCause::OnPurpose);
    }

    fn request(&mut self, id: RequestId, method: &str, params: &str, sticky: bool, unsafe_named: bool) -> bool {
        let composed = self.venue.compose(self.now, id, method, params);
        let composed = composed.and_then(|composed| match sticky {
            true => self.check_sticky(&composed.screened.kind).map(|()| composed),
            false => Ok(composed),
        });
        match composed {
            Ok(Composed { line, screened }) => self.pass(id, &line, &screened, unsafe_named, true),
            Err(misuse) => self.refuse(id, misuse),
        }
    }

    /// The gate: every line of the application passes here or is refused with the reason. True when it passed.
    fn pass(&mut self, id: RequestId, line: &str, screened: &Screened, unsafe_named: bool, answered: bool) -> bool {
        let epoch = match self.check(screened, unsafe_named, answered) {
            Ok(epoch) => epoch,
            Err(misuse) => return self.refuse(id, misuse),
        };
        self.rates.take(self.now.at, screened.toll);
        let text = self.out.pass(screened.role, line);
        if answered {
            self.pending.insert(id, epoch);
        }
        self.drain();
        self.queue.push(Queued::Sent { request: id });
        self.unremembered = Passed::of(epoch, &screened.kind, text);
        self.suspect_ourselves(&screened.kind);
        true
    }

    fn refuse(&mut self, id: RequestId, misuse: Misuse) -> bool {
        self.queue.push(Queued::Fate { request: id, fate: Fate::Refused(misuse) });
        false
    }

    fn check(&self, screened: &Screened, unsafe_named: bool, answered: bool) -> Result<Epoch, Misuse> {
        let Some(epoch) = self.usable(screened.role) else { return Err(Misuse::NotConnected) };
        match &screened.kind {
            Screening::Order if !self.standing.permit() => return Err(self.no_permit()),
            Screening::BreaksProtection { method, instead } if !unsafe_named => {
                return Err(Misuse::WouldBreakProtection { method: method.clone(), instead });
            }
            Screening::NotSendable { why } => return Err(Misuse::NotSendable { why }),
            Screening::Order | Screening::Cancel | Screening::Harmless | Screening::BreaksProtection { .. } => {}
        }
        if answered && self.pending.len() >= PENDING_MAX {
            return Err(Misuse::TooManyPending { limit: PENDING_MAX });
        }
        match self.rates.wait(self.now.at, screened.toll) {
            Some(again) => Err(Misuse::Throttled { again }),
            None => Ok(epoch),
        }
    }

    /// The epoch of a link that knows us and can carry the application's lines.
    fn usable(&self, role: LinkRole) -> Option<Epoch> {
        if self.leases.are_over() {
            return None;
        }
        match role {
            LinkRole::Guard => self.link.as_ref().filter(|link| link.is_armed()).map(|link| link.epoch),
            LinkRole::Trade => self.trade.ready_epoch(),
        }
    }

    fn no_permit(&self) -> Misuse {
        if self.standing.phase() == Phase::Armed && self.standing.latched {
            return Misuse::Latched;
        }
        if let Some(lease) = self.leases.not_renewed().filter(|_| self.standing.phase() == Phase::Armed) {
            return Misuse::LeaseNotRenewed { lease };
        }
        Misuse::NotProtected { phase: self.standing.phase().as_str() }
    }

    /// The caller said by name what breaks the protection: nothing is claimed until it is verified again. Where the link's
    /// subscriptions are what the switch hangs on no answer of the venue tells of them, neither a ping's nor a read-back.
    fn suspect_ourselves(&mut self, kind: &Screening) {
        if !matches!(kind, Screening::BreaksProtection { .. }) {
            return;
        }
        match self.venue.facts().kind {
            SwitchKind::SessionBound | SwitchKind::Countdown => {
                self.doubt("the application sent what may break the protection");
            }
            SwitchKind::GraceAfterDrop => {
                self.standing.doubts.link =
                    Some("the application sent what may break the protection, and only a new link is sure to have it");
                self.restate();
            }
        }
    }

    pub(super) fn misuse(&mut self, misuse: Misuse) {
        let misuse = if self.standing.ended() { Misuse::Ended } else { misuse };
        self.tell(EventKind::Error { report: ErrorReport::Misuse(misuse) });
    }
}
