//! Proof that the interesting states were reached: how often each was. A search that never gets anywhere finds nothing,
//! and looks exactly like one that found nothing.

macro_rules! sometimes {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// How often each state was reached.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Sometimes {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Sometimes {
            /// Adds what another run reached.
            pub const fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Every state with its count.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

sometimes! {
    /// Steps after which something was claimed and the venue agreed.
    claims_checked,
    /// Steps after which nothing was claimed.
    unclaimed,
    /// The guard became armed.
    armed,
    /// The venue's switch fired.
    venue_trips,
    /// The guard told of a trip.
    trips_told,
    /// A countdown or a window fired inside the bounds that had been told.
    trips_inside_bounds,
    /// The link came up, and was lost before it was armed.
    reconnected_not_armed,
    /// A line of a link the guard had left was handed in.
    stale_lines,
    /// A lease lapsed while the path was whole.
    lapses_path_whole,
    /// A lease lapsed while the path was down, at least in one direction.
    lapses_in_outage,
    /// A lease lapsed while its holder went on repeating one token.
    lapses_while_repeating,
    /// A lapse was answered by a cancel-all or an abort that reached the venue in time.
    lapses_answered,
    /// A guard that had lapsed was armed again.
    armed_after_lapse,
    /// The venue heard a sign of life after a lapse, still within what the kernel may deliver.
    late_life_signs,
    /// A process was killed with data waiting in its kernel.
    killed_with_data_waiting,
    /// A process was killed, and another one became armed.
    armed_after_restart,
    /// The guard's thread or process stood still for longer than it forgives.
    stalls,
    /// The whole machine stood still, with all its clocks.
    machine_pauses,
    /// It had stood still for so long that this had to be noticed by the venue's time, and was.
    machine_pauses_noticed,
    /// It stood still while the link was suspect.
    stalls_while_suspect,
    /// Data still arrived while ours no longer reached the venue.
    one_way_cuts,
    /// A second trouble began while the first one was on.
    overlapping_troubles,
    /// A dead session-bound link was kept, and lived again.
    dead_links_revived,
    /// A dead session-bound link was given up at last.
    dead_links_abandoned,
    /// A kill ended proven.
    kills_proven,
    /// A kill ended unproven and said so.
    kills_unproven,
    /// A read-back disagreed.
    read_backs_disagreed,
    /// The venue said no.
    refusals,
    /// A feed was acknowledged after the countdown may have ended.
    late_feeds,
    /// Orders were accepted by the venue.
    orders_opened,
    /// A message that cannot be right was survived.
    breaches,
    /// Armed in time although a fault stayed.
    armed_beside_a_lasting_fault,
}
