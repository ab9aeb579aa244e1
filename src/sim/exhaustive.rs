//! Every world there is, for a short run: time is quantised to the guard's deadlines, at each of them every trouble of a list
//! may begin, and no choice is left out. Chance finds what is likely; this finds what is small.
//!
//! A world is a list of choices. [`Choices`] deals them and moves on to the next list that has not been played, as an odometer
//! does, so that what is counted is complete by construction and a single world can be played again from its list alone.

use super::application::Conduct;
use super::chaos::{self, Cast};
use super::exchange::{Fault, JournalKind};
use super::invariants::{Checker, Violation};
use super::plan::{Goal, LeasePlan, Plan, Trouble};
use super::world::{Pause, World};
use crate::model::{Moment, Phase, Policy, SwitchKind};
use crate::venue::Venue;
use std::time::Duration;

/// How small.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Troubles in one world, at most.
    pub faults: usize,
    /// Boundaries at which they may begin.
    pub boundaries: usize,
}

/// The choices of one world: what was chosen, and out of how many.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    made: Vec<(u8, u8)>,
    used: usize,
}

/// What can go wrong at a boundary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mishap {
    /// Nothing passes until the next boundary.
    CutBriefly,
    /// Nothing passes any more.
    Cut,
    /// Nothing reaches the venue any more; its messages still arrive.
    CutUp,
    /// Nothing reaches the guard any more; its messages still arrive.
    CutDown,
    /// The connections that exist are dead, silently; new ones are fine.
    Block,
    /// The process stands still for longer than it forgives.
    FreezeBriefly,
    /// The process stands still until the venue must have acted.
    Freeze,
    /// The venue drops every connection.
    Reset,
    /// The venue goes down, dropping every connection, and is back at the next boundary.
    Restart,
    /// The answer to the next request is lost.
    LoseAnswer,
    /// The next request is lost.
    LoseRequest,
    /// The next request is answered after everybody has stopped waiting for it.
    Late,
    /// The next request is refused.
    Refuse,
    /// The strategy gets stuck.
    Stick,
    /// The process is killed and started again a second later.
    Kill,
}

use Mishap::{
    Block, Cut, CutBriefly, CutDown, CutUp, Freeze, FreezeBriefly, Kill, Late, LoseAnswer, LoseRequest, Refuse, Reset,
    Restart, Stick,
};

/// All of them, in the order in which they are tried.
pub const MISHAPS: [Mishap; 15] = [
    CutBriefly,
    Cut,
    CutUp,
    CutDown,
    Block,
    FreezeBriefly,
    Freeze,
    Reset,
    Restart,
    LoseAnswer,
    LoseRequest,
    Late,
    Refuse,
    Stick,
    Kill,
];

/// Where trouble may begin for the first time; until there, all is well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Beginning {
    /// With the first dial.
    Dial,
    /// Once the link is up.
    LinkUp,
    /// Once the login was accepted.
    LoggedIn,
    /// Armed, with an order resting.
    AtRest,
    /// The same, when the venue has just been fed, has asked for a sign of life, or has got one.
    Asked,
}

const BEGINNINGS: [Beginning; 5] =
    [Beginning::Dial, Beginning::LinkUp, Beginning::LoggedIn, Beginning::AtRest, Beginning::Asked];
/// How many there are.
pub const BEGINNING_COUNT: usize = BEGINNINGS.len();
/// Every beginning is reached within this.
const SOON: Duration = Duration::from_secs(40);
/// A freeze that is noticed, and an answer that nobody waits for: both are longer than the step deadline.
const LONG: Duration = Duration::from_millis(2_500);
/// A killed program is started again after this.
const RESTART: Duration = Duration::from_secs(1);
/// A short run: the boundaries are used up before, unless the guard stands still.
const RUN: Duration = Duration::from_secs(120);
/// After the last boundary, beyond the venue's bound.
const AND_MORE: Duration = Duration::from_secs(2);

impl Choices {
    /// The choices of one world, to play it again.
    pub fn of(made: &[u8]) -> Self {
        Self { made: made.iter().map(|choice| (*choice, u8::MAX)).collect(), used: 0 }
    }

    /// What was chosen.
    pub fn made(&self) -> Vec<u8> {
        self.made.iter().map(|(choice, _)| *choice).collect()
    }

    /// One of so many: the one that was chosen before, or the first.
    fn one_of(&mut self, count: u8) -> u8 {
        if self.used == self.made.len() {
            self.made.push((0, count));
        }
        self.used += 1;
        self.made[self.used - 1].0
    }

    /// Moves on to the next world; false when there is none.
    pub fn advance(&mut self) -> bool {
        self.made.truncate(self.used);
        self.used = 0;
        while let Some((choice, count)) = self.made.pop() {
            if choice + 1 < count {
                self.made.push((choice + 1, count));
                return true;
            }
        }
        false
    }
}

/// What is the same in every small world.
pub fn plan() -> Plan {
    let policy = Policy { probe_every: Duration::from_secs(2), ..Policy::default() };
    let lease = LeasePlan { budget: Duration::from_secs(6), period: Duration::from_secs(1) };
    Plan {
        seed: 1,
        delay: Duration::from_millis(20),
        policy,
        ppm: 0,
        purges: true,
        leaks: true,
        leases: vec![lease],
        acts: Vec::new(),
        goal: Goal::Armed,
    }
}

/// Plays one world to its end. What it went through is in `story`.
///
/// # Errors
/// The first broken promise.
pub fn play<V: Venue>(
    world: &mut World<V>,
    cast: &Cast<V>,
    size: Size,
    choices: &mut Choices,
    story: &mut Vec<(Moment, Mishap)>,
) -> Result<Checker, Violation> {
    let plan = plan();
    let checker = Checker::new(world, &plan.policy);
    let bound = world.session.venue().facts().exposure.bound;
    let mut run =
        Run { world, cast, plan, checker, bound, choices, story, left: size.faults, brief: false, restart: None };
    run.begin()?;
    run.boundaries(size.boundaries)?;
    run.end()?;
    Ok(run.checker)
}

/// One world while it is played.
struct Run<'a, V> {
    world: &'a mut World<V>,
    cast: &'a Cast<V>,
    plan: Plan,
    checker: Checker,
    /// The venue's published bound.
    bound: Duration,
    choices: &'a mut Choices,
    story: &'a mut Vec<(Moment, Mishap)>,
    /// How many troubles may still begin.
    left: usize,
    /// Something is wrong until the next boundary only.
    brief: bool,
    /// When the killed program is started again.
    restart: Option<Moment>,
}

impl<V: Venue> Run<'_, V> {
    fn begin(&mut self) -> Result<(), Violation> {
        let beginning = BEGINNINGS[usize::from(self.choices.one_of(BEGINNING_COUNT as u8))];
        chaos::begin(self.world, &self.plan);
        match beginning {
            Beginning::Dial => Ok(()),
            Beginning::LinkUp => self.until(|world| world.session.phase() != Phase::Connecting),
            Beginning::LoggedIn => {
                self.until(|world| !matches!(world.session.phase(), Phase::Connecting | Phase::Authenticating))
            }
            Beginning::AtRest => self.rest(),
            Beginning::Asked => {
                self.rest()?;
                let seen = signs(self.world);
                self.until(|world| signs(world) > seen)
            }
        }
    }

    /// Armed, with an order, for a second.
    fn rest(&mut self) -> Result<(), Violation> {
        self.until(|world| world.session.permit())?;
        (self.cast.order)(self.world, 1);
        let rest = self.world.now().at + Duration::from_secs(1);
        chaos::run_until(self.world, &mut self.checker, rest)
    }

    fn until(&mut self, reached: impl Fn(&World<V>) -> bool) -> Result<(), Violation> {
        let deadline = self.world.now().at + SOON;
        while !reached(self.world) {
            if self.world.now().at >= deadline {
                return Err(Violation(format!("nothing was wrong, and after {SOON:?}: {:?}", self.world.snapshot())));
            }
            self.step(deadline)?;
        }
        Ok(())
    }

    /// Lets time pass; before and after every deadline of the guard, and before everything while nothing is claimed, trouble
    /// may begin.
    fn boundaries(&mut self, count: usize) -> Result<(), Violation> {
        let (mut passed, end) = (0, self.world.now().at + RUN);
        while passed < count && self.world.now().at < end {
            if self.starts_again()? {
                continue;
            }
            let Some((at, of_guard)) = self.world.next_moment() else { break };
            let boundary = of_guard || !self.world.session.phase().claims();
            if boundary && at > self.world.now().at {
                // Just before it, so that what begins here comes first.
                let before = Moment::from_nanos(at.nanos() - 1);
                chaos::run_until(self.world, &mut self.checker, before.max(self.world.now().at))?;
                passed += 1;
                self.choose()?;
            }
            self.step(at.min(end))?;
            if of_guard && passed < count {
                passed += 1;
                self.choose()?;
            }
        }
        Ok(())
    }

    /// Long enough for the venue to act; then all is well again, and the guard must be armed.
    fn end(&mut self) -> Result<(), Violation> {
        while self.starts_again()? {}
        let settled = self.world.now().at + self.bound + AND_MORE;
        chaos::run_until(self.world, &mut self.checker, settled)?;
        chaos::heal(self.world, &mut self.checker, true);
        chaos::await_armed(self.world, &self.plan, self.cast, &mut self.checker)
    }

    fn step(&mut self, limit: Moment) -> Result<(), Violation> {
        self.world.step(limit);
        self.checker.check(self.world)
    }

    /// The killed program is started again when it is time, and nothing else comes before.
    fn starts_again(&mut self) -> Result<bool, Violation> {
        let Some(at) = self.restart.take() else { return Ok(false) };
        chaos::run_until(self.world, &mut self.checker, at)?;
        chaos::start_process(self.world, &mut self.checker, &self.plan, self.cast);
        self.checker.check(self.world)?;
        Ok(true)
    }

    /// Nothing, or one trouble, or several at once, each at most once and in the order of the list.
    fn choose(&mut self) -> Result<(), Violation> {
        if std::mem::take(&mut self.brief) {
            chaos::heal(self.world, &mut self.checker, true);
        }
        let mut from = 0;
        while self.left > 0 && from < MISHAPS.len() {
            let choice = usize::from(self.choices.one_of((MISHAPS.len() - from + 1) as u8));
            if choice == 0 {
                break;
            }
            from += choice;
            self.left -= 1;
            self.happens(MISHAPS[from - 1]);
            self.checker.check(self.world)?;
        }
        Ok(())
    }

    fn happens(&mut self, mishap: Mishap) {
        let now = self.world.now().at;
        self.story.push((now, mishap));
        self.brief |= matches!(mishap, CutBriefly | Restart);
        let (step, times) = ("*".to_owned(), 1);
        match mishap {
            CutBriefly | Cut => self.trouble(Trouble::Cut),
            CutUp => self.trouble(Trouble::CutUp),
            CutDown => self.trouble(Trouble::CutDown),
            Block => self.trouble(Trouble::Block),
            FreezeBriefly => self.trouble(Trouble::Freeze(LONG, Pause::Process)),
            Freeze => self.trouble(Trouble::Freeze(self.bound + AND_MORE, Pause::Process)),
            Reset => self.trouble(Trouble::Reset),
            Restart => {
                self.trouble(Trouble::Venue(Fault::Maintenance));
                self.trouble(Trouble::Reset);
            }
            LoseAnswer => self.trouble(Trouble::Venue(Fault::LoseAnswer { step, times })),
            LoseRequest => self.trouble(Trouble::Venue(Fault::LoseRequest { step, times })),
            Late => self.trouble(Trouble::Venue(Fault::Late { step, by: LONG, times })),
            Refuse => self.trouble(Trouble::Venue(Fault::Refuse { step, code: None, times })),
            Stick => {
                let now = self.world.guard_now().at;
                if self.world.runs() {
                    self.world.application.behave(0, Conduct::Silent, now);
                }
            }
            Kill => {
                chaos::kill_process(self.world, &mut self.checker);
                self.restart = Some(now + RESTART);
            }
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        chaos::start_trouble(self.world, &mut self.checker, &trouble);
    }
}

/// How often the venue was fed, or asked for a sign of life, or (where it does neither unasked) got one.
fn signs<V: Venue>(world: &World<V>) -> usize {
    let facts = world.session.venue().facts();
    let wanted = match (facts.kind, facts.speaks_every) {
        (SwitchKind::Countdown, _) => JournalKind::SwitchSet,
        (SwitchKind::SessionBound, Some(_)) => JournalKind::Heartbeat,
        (SwitchKind::SessionBound, None) | (SwitchKind::GraceAfterDrop, _) => JournalKind::LifeSign,
    };
    world.exchange.floor().journal().iter().filter(|entry| entry.kind == wanted).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_choices_is_dealt_exactly_once() {
        let (mut choices, mut seen) = (Choices::default(), Vec::new());
        loop {
            // The second choice exists after some of the first ones only, as in a world.
            let first = choices.one_of(3);
            let second = (first != 1).then(|| choices.one_of(2));
            seen.push((first, second));
            if !choices.advance() {
                break;
            }
        }
        assert_eq!(seen, [(0, Some(0)), (0, Some(1)), (1, None), (2, Some(0)), (2, Some(1))]);
    }

    #[test]
    fn a_list_that_is_played_again_deals_the_same() {
        let mut choices = Choices::of(&[2, 0, 1]);
        assert_eq!([choices.one_of(3), choices.one_of(2), choices.one_of(9), choices.one_of(4)], [2, 0, 1, 0]);
    }
}
