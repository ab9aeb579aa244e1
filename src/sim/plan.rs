//! A schedule: everything that will go wrong and everything the application will do, drawn from a seed before anything
//! runs, so that it can be printed first, run again, and run in another world for comparison.

use super::application::Conduct;
use super::exchange::Fault;
use super::noise::Noise;
use super::world::Pause;
use crate::model::Policy;
use std::time::Duration;

/// See the module documentation.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// What it was drawn from.
    pub seed: u64,
    /// One-way delay of the path.
    pub delay: Duration,
    /// How quickly the guard suspects and gives up.
    pub policy: Policy,
    /// How many millionths the guard's clock gains.
    pub ppm: i64,
    /// Whether an abort throws unsent data away.
    pub purges: bool,
    /// Whether lines of links the guard has left are handed to it.
    pub leaks: bool,
    /// Leases taken at the start.
    pub leases: Vec<LeasePlan>,
    /// What happens, each after a pause.
    pub acts: Vec<(Duration, Act)>,
    /// What is demanded after that.
    pub goal: Goal,
}

/// One lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeasePlan {
    /// Its budget.
    pub budget: Duration,
    /// Time between renewals.
    pub period: Duration,
}

/// One thing that happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Something goes wrong.
    Begin(Trouble),
    /// Path and venue are well again.
    Heal,
    /// The application places an order.
    Order(u64),
    /// The application acknowledges whatever happened.
    Rearm,
    /// The application, or a person, pulls the cord.
    Kill,
    /// The holder of a lease behaves differently from now on.
    Conduct(usize, Conduct),
    /// The holder of a lease announces a stall.
    Extend(usize, Duration),
    /// The application gives up a link that is kept.
    Abandon,
    /// Somebody sets the guard's wall clock.
    SetWall(i64),
    /// The guard's process is killed.
    KillProcess,
    /// The program is started again.
    StartProcess,
}

/// One thing that can go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing passes in either direction.
    Cut,
    /// Nothing passes to the venue; its messages still arrive.
    CutUp,
    /// Nothing passes to the guard; its messages still arrive.
    CutDown,
    /// The connections that exist now are dead in both directions, silently; new ones are fine.
    Block,
    /// The guard's thread, process or machine stops running.
    Freeze(Duration, Pause),
    /// The venue resets every connection.
    Reset,
    /// The venue closes every connection with this code.
    Close(u16),
    /// The peer says something that is no message of this venue.
    Garbage(u64),
    /// The venue misbehaves.
    Venue(Fault),
}

/// What is demanded at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    /// Everything is healed: armed within the bound.
    Armed,
    /// The connections that exist are dead and stay so, new ones are fine: armed within the bound.
    ArmedBesideDeadLinks,
    /// The guard's process is killed and the path is well: every covered order goes within the published bound.
    Gone,
}

impl Plan {
    /// The schedule of this seed.
    pub fn draw(seed: u64) -> Self {
        let mut noise = Noise::new(seed.wrapping_mul(0x1234_5678_9abc_def1));
        let noise = &mut noise;
        let mut plan = Self::calm(seed, noise);
        plan.goal = match noise.within(0..10) {
            0..7 => Goal::Armed,
            7 | 8 => Goal::ArmedBesideDeadLinks,
            _ => Goal::Gone,
        };
        plan.wait(noise.spread(500..16_000), Act::Order(noise.bits()));
        for _ in 0..noise.within(1..5) {
            plan.chapter(noise);
        }
        plan
    }

    /// Parameters, and nothing that happens.
    pub fn calm(seed: u64, noise: &mut Noise) -> Self {
        Self {
            seed,
            delay: noise.spread(1..130),
            policy: draw_policy(noise),
            ppm: noise.within(0..1_001) as i64 - 500,
            purges: !noise.one_in(4),
            leaks: noise.one_in(3),
            leases: (0..noise.within(0..3)).map(|_| draw_lease(noise)).collect(),
            acts: Vec::new(),
            goal: Goal::Armed,
        }
    }

    /// Lets time pass, then something happens.
    pub fn wait(&mut self, pause: Duration, act: Act) {
        self.acts.push((pause, act));
    }

    /// One trouble, sometimes another before the first is over, what the application does meanwhile, and mostly healing.
    fn chapter(&mut self, noise: &mut Noise) {
        let trouble = draw_trouble(noise);
        self.wait(noise.spread(20..16_000), trouble);
        if noise.one_in(4) {
            let another = draw_trouble(noise);
            self.wait(noise.spread(1..500), another);
        }
        for _ in 0..noise.within(0..4) {
            let act = self.draw_deed(noise);
            self.wait(noise.spread(5..8_000), act);
        }
        let lasting = if noise.one_in(3) { noise.spread(8_000..90_000) } else { noise.spread(10..8_000) };
        if noise.one_in(6) {
            self.wait(lasting, Act::Order(noise.bits()));
        } else {
            self.wait(lasting, Act::Heal);
        }
        self.wait(noise.spread(1..4_000), Act::Rearm);
        self.wait(noise.spread(1..1_000), Act::Order(noise.bits()));
    }

    fn draw_deed(&self, noise: &mut Noise) -> Act {
        let which = noise.within(0..2) as usize;
        match noise.within(0..20) {
            0..5 => Act::Order(noise.bits()),
            5..8 => Act::Rearm,
            8..12 if !self.leases.is_empty() => {
                Act::Conduct(which, noise.pick(&[Conduct::Silent, Conduct::Silent, Conduct::Repeating]))
            }
            12..14 if !self.leases.is_empty() => Act::Conduct(which, Conduct::Renewing),
            14 if !self.leases.is_empty() => Act::Extend(which, noise.spread(50..30_000)),
            15 => Act::Kill,
            16 => Act::Abandon,
            17 => Act::SetWall(noise.within(0..172_800_000) as i64 - 86_400_000),
            18 => Act::KillProcess,
            19 => Act::StartProcess,
            _ => Act::Order(noise.bits()),
        }
    }
}

fn draw_policy(noise: &mut Noise) -> Policy {
    let millis = Duration::from_millis;
    let policy = Policy {
        probe_every: noise.pick(&[millis(250), millis(1_000), millis(2_000), millis(5_000)]),
        step_deadline: noise.pick(&[millis(1_000), millis(2_000), millis(2_000), millis(5_000)]),
        venue_probe_every: noise.pick(&[millis(5_000), millis(5_000), millis(15_000)]),
        read_back_every: noise.pick(&[millis(30_000), millis(30_000), millis(10_000)]),
        user_timeout: noise.pick(&[millis(5_000), millis(5_000), millis(2_000), millis(10_000)]),
        ..Policy::default()
    };
    if noise.one_in(10) { Policy::default() } else { policy }
}

fn draw_lease(noise: &mut Noise) -> LeasePlan {
    let budget = noise.spread(50..30_000);
    LeasePlan { budget, period: budget.mul_f64(noise.within(5..99) as f64 / 100.0) }
}

fn draw_trouble(noise: &mut Noise) -> Act {
    let step = || "*".to_owned();
    let times = noise.within(1..4) as u32;
    Act::Begin(match noise.within(0..20) {
        0 | 1 => Trouble::Cut,
        2 => Trouble::CutUp,
        3 => Trouble::CutDown,
        4 => Trouble::Block,
        5..8 => {
            let pause = noise.pick(&[Pause::Process, Pause::Thread, Pause::Machine]);
            // A paused virtual machine comes back after hours as well as after a moment.
            let longest = if pause == Pause::Machine { 7_200_000 } else { 60_000 };
            Trouble::Freeze(noise.spread(50..longest), pause)
        }
        8 => Trouble::Reset,
        9 => Trouble::Close(noise.pick(&[1000, 1001, 1008, 1011, 1012])),
        10 => Trouble::Garbage(noise.bits()),
        11 => Trouble::Venue(Fault::Refuse { step: step(), code: None, times }),
        12 => Trouble::Venue(Fault::LoseRequest { step: step(), times }),
        13 => Trouble::Venue(Fault::LoseAnswer { step: step(), times }),
        14 => Trouble::Venue(Fault::Late { step: step(), by: noise.spread(100..9_000), times }),
        15 => Trouble::Venue(Fault::SilentPings),
        16 => Trouble::Venue(Fault::NoHeartbeats),
        17 => Trouble::Venue(Fault::Dishonour),
        18 => Trouble::Venue(Fault::Maintenance),
        _ => Trouble::Cut,
    })
}
