//! Carries a plan out and asks the checker after every step. Two rule sets: under trouble nothing wrong may ever be said
//! (safety); once what must be healed is healed, the right thing must be said soon (liveness).

use super::application::Conduct;
use super::exchange::OrderState;
use super::invariants::{Checker, Violation};
use super::network::{BOTH, Parcel, Way};
use super::noise::Noise;
use super::plan::{Act, Goal, Plan, Trouble};
use super::world::World;
use crate::model::{Moment, SwitchKind};
use crate::session::{Command, Session};
use crate::venue::Venue;
use std::time::Duration;

/// Who plays in a world.
pub struct Cast<V> {
    /// A fresh dialect.
    pub dialect: fn() -> V,
    /// What an application does with the guard: places an order through it.
    pub order: PlaceOrder<V>,
}

/// Places an order, numbered.
pub type PlaceOrder<V> = fn(&mut World<V>, u64);

/// What the peer says when it says nothing sensible.
const GARBAGE: [&str; 8] = [
    "",
    "{",
    "null",
    "[1,2,3]",
    r#"{"id":-1,"method":"public/heartbeat","code":"0"}"#,
    r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":7}}"#,
    r#"{"op":"auth","success":"yes","conn_id":null}"#,
    r#"{"method":"cancel_all_orders_after","success":true,"result":{"currentTime":"x","triggerTime":[]},"req_id":99999999}"#,
];

/// Carries the plan out.
///
/// # Errors
/// The first broken promise.
pub fn run<V: Venue>(world: &mut World<V>, plan: &Plan, cast: &Cast<V>) -> Result<Checker, Violation> {
    let mut checker = Checker::new(world, &plan.policy);
    let result = play(world, plan, cast, &mut checker);
    result.map(|()| checker)
}

fn play<V: Venue>(world: &mut World<V>, plan: &Plan, cast: &Cast<V>, checker: &mut Checker) -> Result<(), Violation> {
    begin(world, plan);
    for (pause, act) in &plan.acts {
        let until = world.now().at + *pause;
        run_until(world, checker, until)?;
        perform(world, checker, plan, cast, act);
        checker.check(world)?;
    }
    match plan.goal {
        Goal::Armed => {
            heal(world, checker, true);
            await_armed(world, plan, cast, checker)
        }
        Goal::ArmedBesideDeadLinks => {
            heal(world, checker, true);
            block(world);
            await_armed(world, plan, cast, checker)?;
            checker.sometimes.armed_beside_a_lasting_fault += 1;
            Ok(())
        }
        Goal::Gone => await_gone(world, checker),
    }
}

pub(super) fn begin<V: Venue>(world: &mut World<V>, plan: &Plan) {
    world.command(Command::Start);
    for (number, lease) in plan.leases.iter().enumerate() {
        world.take_lease(NAMES[number % NAMES.len()], lease.budget, lease.period);
    }
}

const NAMES: [&str; 2] = ["quoter", "hedger"];

fn perform<V: Venue>(world: &mut World<V>, checker: &mut Checker, plan: &Plan, cast: &Cast<V>, act: &Act) {
    match act {
        Act::Begin(trouble) => start_trouble(world, checker, trouble),
        Act::Heal => heal(world, checker, true),
        Act::Order(number) => (cast.order)(world, *number),
        Act::Rearm => world.rearm(),
        Act::Kill => world.command(Command::Kill { reason: "as planned" }),
        Act::Conduct(which, conduct) => {
            let now = world.guard_now().at;
            if world.runs() {
                world.application.behave(*which, *conduct, now);
                checker.conduct(*which, *conduct);
            }
        }
        Act::Extend(which, by) => {
            let now = world.guard_now().at;
            if world.runs() {
                world.application.extend(*which, *by, now);
            }
        }
        Act::Abandon => world.command(Command::Abandon),
        Act::SetWall(millis) => world.clock.set_wall(*millis),
        Act::KillProcess => kill_process(world, checker),
        Act::StartProcess => start_process(world, checker, plan, cast),
    }
}

pub(super) fn kill_process<V: Venue>(world: &mut World<V>, checker: &mut Checker) {
    checker.process_dies(world);
    world.kill_process();
}

pub(super) fn start_process<V: Venue>(world: &mut World<V>, checker: &mut Checker, plan: &Plan, cast: &Cast<V>) {
    if world.alive() {
        return;
    }
    let session = Session::new((cast.dialect)(), plan.policy, plan.seed ^ world.incarnation(), world.guard_now());
    world.start_process(session);
    checker.process_starts();
    begin(world, plan);
}

pub(super) fn start_trouble<V: Venue>(world: &mut World<V>, checker: &mut Checker, trouble: &Trouble) {
    checker.trouble_begins(world);
    let now = world.now();
    match trouble {
        Trouble::Cut => BOTH.into_iter().for_each(|way| world.network.cut(now.at, way)),
        Trouble::CutUp => {
            checker.sometimes.one_way_cuts += 1;
            world.network.cut(now.at, Way::Up);
        }
        Trouble::CutDown => world.network.cut(now.at, Way::Down),
        Trouble::Block => block(world),
        Trouble::Freeze(length, pause) => world.freeze(*length, *pause),
        Trouble::Reset => world.venue_drops_all(None),
        Trouble::Close(code) => world.venue_drops_all(Some(*code)),
        Trouble::Garbage(bits) => {
            let text = GARBAGE[(*bits % GARBAGE.len() as u64) as usize];
            for conn in world.sockets() {
                world.network.send(now.at, Way::Down, Parcel::Down(conn, text.to_owned()), 1);
            }
        }
        Trouble::Venue(fault) => world.exchange.floor_mut().apply(now, fault.clone()),
    }
}

fn block<V: Venue>(world: &mut World<V>) {
    let (now, conns) = (world.now().at, world.sockets());
    BOTH.into_iter().for_each(|way| world.network.block(now, way, &conns));
}

pub(super) fn heal<V: Venue>(world: &mut World<V>, checker: &mut Checker, blocked_too: bool) {
    checker.heals(world);
    world.heal_path(blocked_too);
    world.exchange.floor_mut().heal();
}

pub(super) fn run_until<V: Venue>(world: &mut World<V>, checker: &mut Checker, until: Moment) -> Result<(), Violation> {
    while world.step(until) {
        checker.check(world)?;
    }
    Ok(())
}

/// The application is well again: it renews, and acknowledges what happened about once a second.
pub(super) fn await_armed<V: Venue>(
    world: &mut World<V>,
    plan: &Plan,
    cast: &Cast<V>,
    checker: &mut Checker,
) -> Result<(), Violation> {
    start_process(world, checker, plan, cast);
    while world.frozen() && world.step(Moment::from_nanos(u64::MAX)) {
        checker.check(world)?;
    }
    let healed = world.now().at;
    let now = world.guard_now().at;
    (0..plan.leases.len()).for_each(|which| world.application.behave(which, Conduct::Renewing, now));
    let mut bound = checker.recovery_bound(world, plan);
    let (mut noise, mut armed_since) = (Noise::new(plan.seed), None);
    let mut acknowledge_at = healed;
    while armed_since.is_some() || world.now().at <= healed + bound.length {
        if world.now().at >= acknowledge_at {
            if world.session.latched() || world.lapsed_at().is_some() {
                world.rearm();
                checker.check(world)?;
            }
            acknowledge_at = world.now().at + noise.millis(500..1_000);
        }
        world.step(acknowledge_at);
        checker.check(world)?;
        // A refusal that was on its way when everything healed counts too.
        let longer = checker.recovery_bound(world, plan);
        bound = if longer.length > bound.length { longer } else { bound };
        // Armed for a whole second: not a last moment before an old fault shows.
        let armed = world.session.phase().claims().then(|| armed_since.unwrap_or(world.now().at));
        armed_since = armed;
        if armed.is_some_and(|since| world.now().at.since(since) >= HELD) {
            checker.recovered(bound.why, armed.unwrap_or_default().since(healed));
            return Ok(());
        }
    }
    Err(Violation(format!("I5 progress: not armed {bound:?} after everything healed: {:?}", world.snapshot())))
}

const HELD: Duration = Duration::from_secs(1);

/// The guard's process dies, the path is well, and nobody comes back: whatever was covered goes within the bound.
fn await_gone<V: Venue>(world: &mut World<V>, checker: &mut Checker) -> Result<(), Violation> {
    heal(world, checker, true);
    // A venue that cancels nothing while it is down, or a guard that says so, promises nothing here.
    let settle = world.now().at + Duration::from_secs(2);
    run_until(world, checker, settle)?;
    let promised = world.runs() && world.session.phase().claims() && !checker.pause_is_unnoticed();
    let (bound, kind) = (world.session.venue().facts().exposure.bound, world.session.venue().facts().kind);
    let conn = world.conn(world.session.epoch());
    kill_process(world, checker);
    let died = world.now().at;
    run_until(world, checker, died + bound)?;
    let mine = |conn_of: Option<_>| kind != SwitchKind::SessionBound || conn_of == Some(conn);
    let left = world
        .exchange
        .floor()
        .orders
        .values()
        .filter(|order| order.state == OrderState::Open && mine(order.conn) && order.created.at < died);
    match left.count() {
        0 => Ok(()),
        left if promised => {
            Err(Violation(format!("I11 exit truth: {left} covered orders rest {bound:?} after the process died")))
        }
        _ => Ok(()),
    }
}
