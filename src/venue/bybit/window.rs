//! Disconnection protection over HTTP: which products Bybit has switched on for this account, and with which window.
//! Setting a window arms nothing; it is one of three conditions (v5/order/dcp, v5/websocket/private/dcp), and it takes
//! about ten seconds to show, so it is believed only when it is read back in the same epoch.

use super::calls::{Answer, Failure, Purpose};
use super::config::BybitProduct;
use super::{Bybit, errors, facts};
use crate::model::{Now, ReadBackVerdict, Refusal, RefusalClass, Step};
use crate::venue::json::Raw;
use crate::venue::{Errand, Outbox, Report};
use serde::Deserialize;

const INFO: &str = "GET /v5/account/query-dcp-info";

/// How far the windows have come on the live guarding link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Window {
    /// The windows were asked for.
    ExpectInfo(Tries),
    /// Nobody answered; they are asked for again when the pause is over.
    ExpectRetry(Tries),
    /// These many settings are not answered yet.
    ExpectSet(Tries, usize),
    /// Set, and waiting to show. Asked for only once the link's own steps are through, because every acknowledged step
    /// shortens the session's patience to one step again.
    ExpectSteps(Tries),
    /// The pause after setting is under way.
    ExpectHoldOff(Tries),
    /// Agreed, or refused and told.
    Over,
}

/// How often something was already tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tries {
    set: u32,
    unanswered: u32,
}

/// What Bybit says about the configured products.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Finding {
    /// Every product is on with the asked window.
    Agrees,
    /// These are on with another window.
    Differs(Vec<BybitProduct>),
    /// This one is not on at all.
    NotOn(BybitProduct),
    /// The answer cannot be read.
    Unreadable,
}

impl Bybit {
    /// Asks for the windows on the live link, unless that is under way, or only a person could change the answer that
    /// was told less than a minute ago.
    pub(super) fn check_windows(&mut self, now: Now, out: &mut Outbox) {
        let Some(link) = &self.link else { return };
        let pause = self.target.time_factor.scale(facts::FATAL_PAUSE);
        let told_lately = link.windows_refused.is_some_and(|told| now.at.since(told) < pause);
        if link.window == Window::Over && !told_lately {
            self.ask_windows(now, Tries::default(), out);
        }
    }

    pub(super) fn ask_windows(&mut self, now: Now, tries: Tries, out: &mut Outbox) {
        self.set_window_state(Window::ExpectInfo(tries));
        self.call(now, Purpose::Info, out);
    }

    /// The pause that `Errand::HoldOff` or `Errand::Retry` asked for is over.
    pub(super) fn resume_windows(&mut self, now: Now, errand: Errand, out: &mut Outbox) {
        match (errand, self.link.as_ref().map(|link| link.window)) {
            (Errand::HoldOff, Some(Window::ExpectHoldOff(tries)))
            | (Errand::Retry, Some(Window::ExpectRetry(tries))) => {
                self.ask_windows(now, tries, out);
            }
            (Errand::HoldOff | Errand::Retry | Errand::Renew, _) => {}
        }
    }

    /// Starts the pause after setting, once the link's own steps are through.
    pub(super) fn hold_off_if_ready(&mut self, out: &mut Outbox) {
        let Some(link) = self.link.as_mut().filter(|link| link.is_through()) else { return };
        if let Window::ExpectSteps(tries) = link.window {
            link.window = Window::ExpectHoldOff(tries);
            let after = self.target.time_factor.scale(facts::HOLD_OFF);
            out.report(Report::CallMeBack { after, errand: Errand::HoldOff });
        }
    }

    /// Before any link: an account without the protection is told at once.
    pub(super) fn hear_preview(&self, answer: &Answer<'_>, out: &mut Outbox) {
        if let Finding::NotOn(product) = self.find(answer) {
            out.report(Report::Refused(not_on(product)));
        }
    }

    pub(super) fn hear_info(&mut self, now: Now, answer: &Answer<'_>, out: &mut Outbox) {
        let Some(Window::ExpectInfo(tries)) = self.link.as_ref().map(|link| link.window) else { return };
        let finding = self.find(answer);
        self.set_window_state(Window::Over);
        match finding {
            Finding::Agrees => {
                out.report(Report::Done(Step::Window));
                out.report(Report::Done(Step::ReadBack));
            }
            Finding::Differs(products) if tries.set < facts::WINDOW_TRIES => {
                let tries = Tries { set: tries.set + 1, ..tries };
                self.set_window_state(Window::ExpectSet(tries, products.len()));
                for product in products {
                    self.call(now, Purpose::SetWindow(product, self.window_s), out);
                }
            }
            Finding::Differs(products) => self.refuse_windows(now, disagrees(&products), out),
            Finding::NotOn(product) => self.refuse_windows(now, not_on(product), out),
            Finding::Unreadable => out.report(Report::Refused(errors::unreadable(INFO))),
        }
    }

    /// Unanswered is not refused: asked again a few times before the link is given up.
    pub(super) fn hear_info_failure(&mut self, failure: Failure, out: &mut Outbox) {
        let Some(Window::ExpectInfo(tries)) = self.link.as_ref().map(|link| link.window) else { return };
        if failure.unanswered && tries.unanswered < facts::QUERY_TRIES {
            let tries = Tries { unanswered: tries.unanswered + 1, ..tries };
            self.set_window_state(Window::ExpectRetry(tries));
            let after = self.target.time_factor.scale(facts::QUERY_RETRY);
            out.report(Report::CallMeBack { after, errand: Errand::Retry });
            return;
        }
        self.set_window_state(Window::Over);
        out.report(Report::Refused(failure.refusal));
    }

    /// A setting was answered, or nobody answered: then the read-back will tell whether it took effect.
    pub(super) fn hear_set(&mut self, failure: Option<Failure>, out: &mut Outbox) {
        let Some(Window::ExpectSet(tries, left)) = self.link.as_ref().map(|link| link.window) else { return };
        if let Some(failure) = failure.filter(|failure| !failure.unanswered) {
            self.set_window_state(Window::Over);
            return out.report(Report::Refused(failure.refusal));
        }
        if left > 1 {
            return self.set_window_state(Window::ExpectSet(tries, left - 1));
        }
        self.set_window_state(Window::ExpectSteps(tries));
        self.hold_off_if_ready(out);
    }

    /// The session asked whether the protection is on. What cannot be read is no verdict.
    pub(super) fn hear_read_back(&self, answer: &Answer<'_>, out: &mut Outbox) {
        out.report(match self.find(answer) {
            Finding::Agrees => Report::ReadBack(ReadBackVerdict::Agrees),
            Finding::Differs(_) | Finding::NotOn(_) => Report::ReadBack(ReadBackVerdict::Disagrees),
            Finding::Unreadable => Report::Refused(errors::unreadable(INFO)),
        });
    }

    fn refuse_windows(&mut self, now: Now, refusal: Refusal, out: &mut Outbox) {
        if let Some(link) = &mut self.link {
            link.windows_refused = Some(now.at);
        }
        out.report(Report::Refused(refusal));
    }

    fn set_window_state(&mut self, window: Window) {
        if let Some(link) = &mut self.link {
            link.window = window;
        }
    }

    fn find(&self, answer: &Answer<'_>) -> Finding {
        let Some(infos) = read_infos(answer) else { return Finding::Unreadable };
        let mut differing = Vec::new();
        for product in &self.products {
            let info = infos.iter().find(|info| info.is_about(*product));
            match info.filter(|info| info.is_on()) {
                None => return Finding::NotOn(*product),
                Some(info) if info.window_s() == Some(u64::from(self.window_s)) => {}
                Some(_) => differing.push(*product),
            }
        }
        if differing.is_empty() { Finding::Agrees } else { Finding::Differs(differing) }
    }
}

#[derive(Deserialize)]
struct Info<'a> {
    #[serde(borrow)]
    product: Option<Raw<'a>>,
    #[serde(borrow, rename = "dcpStatus")]
    status: Option<Raw<'a>>,
    #[serde(borrow, rename = "timeWindow")]
    window: Option<Raw<'a>>,
}

impl Info<'_> {
    fn is_about(&self, product: BybitProduct) -> bool {
        self.product.is_some_and(|name| name.bare() == product.as_str())
    }

    fn is_on(&self) -> bool {
        self.status.is_some_and(|status| status.bare() == "ON")
    }

    /// A string here, an integer in the setter: v5/account/dcp-info.
    fn window_s(&self) -> Option<u64> {
        self.window.and_then(Raw::as_u64)
    }
}

/// A successful answer about an account without the protection is documented as empty, without saying how empty:
/// no list, no key and no result all mean that nothing is on.
fn read_infos<'a>(answer: &Answer<'a>) -> Option<Vec<Info<'a>>> {
    #[derive(Deserialize)]
    struct Infos<'a> {
        #[serde(borrow, rename = "dcpInfos")]
        infos: Option<Vec<Info<'a>>>,
    }
    match answer.result {
        None => Some(Vec::new()),
        Some(result) if matches!(result.bare(), "" | "[]") => Some(Vec::new()),
        Some(result) => Some(result.read_object::<Infos<'a>>()?.infos.unwrap_or_default()),
    }
}

fn not_on(product: BybitProduct) -> Refusal {
    let text = format!("disconnection protection is not on for {}", product.as_str());
    Refusal::new(INFO, "", &text, RefusalClass::Fatal, errors::NOT_ENTITLED)
}

fn disagrees(products: &[BybitProduct]) -> Refusal {
    let names: Vec<&str> = products.iter().map(|product| product.as_str()).collect();
    let text = format!("the window of {} does not change", names.join(", "));
    Refusal::new(INFO, "", &text, RefusalClass::Fatal, errors::WINDOW_DISAGREES)
}
