//! Silence, ends, stalls: what is said of the switch while contact is lost, and after.

use super::{EVERYWHERE, Entry, NOT_SESSION_BOUND, SESSION_BOUND};

pub const ALL: &[Entry] = &[
    (
        "silence_is_noticed_long_before_the_venue_acts",
        EVERYWHERE,
        "When the wire goes silent without a word, the link is suspected and then taken for dead within a second and a half, \
         and nothing is claimed from then on. A trip is presumed when the link that is the switch is given up, or when the \
         latest moment at which the switch can fire has passed. Armed again, the guard is latched until somebody looks.",
        "start quietly until armed
         orders 2
         run 10s

         # Half-open: no close, no bytes, and dials fail too.
         silence
         run 3s

         show

         run until told TRIPPED, at most 120s

         show

         # The path is well again only after the bound has passed.
         run {bound}

         heal
         run until armed

         order

         rearm anna looked at the book
         run until told compared

         show",
    ),
    (
        "a_short_silence_cancels_nothing",
        EVERYWHERE,
        "Two seconds of silence: the claim is withdrawn and comes back, and not one order is lost. Where closing the connection \
         would cancel the orders it was kept, although it was taken for dead.",
        "start quietly until armed
         orders 2
         run 10s

         silence
         run 2s

         heal
         run until armed
         run 2s

         show",
    ),
    (
        "a_dead_link_beside_a_healthy_path",
        EVERYWHERE,
        "The connection is dead in both directions, new ones are fine: a router forgot it. A new link is dialled at once; where \
         closing the old one would cancel the orders it is kept until the venue must have acted, and the new one takes over \
         then.",
        "start quietly until armed
         orders 2
         run 10s

         silence on the links that exist
         run until told taken for dead, at most 5s

         run until armed, at most 60s
         run 2s

         show",
    ),
    (
        "the_venue_hears_nothing",
        EVERYWHERE,
        "Nothing we say reaches the venue, while everything it says arrives: heartbeats that come in prove nothing. The link is \
         called dead by what is not answered.",
        "start quietly until armed
         order
         run 10s

         silence to the venue
         run 3s

         show",
    ),
    (
        "we_hear_nothing",
        EVERYWHERE,
        "Everything we say reaches the venue, and nothing it says arrives. The venue may see a healthy client; nothing is \
         claimed all the same, because nothing is proven.",
        "start quietly until armed
         order
         run 10s

         silence to us
         run 3s

         show",
    ),
    (
        "the_venue_closes_the_connection",
        EVERYWHERE,
        "The venue closes the connection with code 1001. Where that is the trip it is told at once and the guard is latched; \
         elsewhere a new link is armed in time and nothing was cancelled.",
        "start quietly until armed
         orders 2
         run 10s

         close 1001
         run 15ms

         run until armed, at most 20s
         run 3s

         show",
    ),
    (
        "the_connection_is_reset",
        EVERYWHERE,
        "The connection is reset: the loss is told with its cause, and what it means for the orders is told with it.",
        "start quietly until armed
         orders 2
         run 10s

         reset
         run 15ms

         run until armed, at most 20s
         run 3s

         show",
    ),
    (
        "the_venue_ends_the_stream",
        EVERYWHERE,
        "The venue ends the connection with a FIN and no close frame; told as that, and not as a close.",
        "start quietly until armed
         orders 2
         run 10s

         end of stream
         run 15ms

         run until armed, at most 20s
         run 3s

         show",
    ),
    (
        "a_trip_latches_until_somebody_says_so",
        SESSION_BOUND,
        "After a trip the guard arms again by itself, so that whatever is sent next is covered; but it permits no order before \
         somebody has said that they looked. What rests is then compared with what was sent: the switch of the new connection \
         does not cover orders of the old one, and that is said.",
        "start quietly until armed
         orders 2
         run 10s

         reset
         run 15ms

         run until armed, at most 20s

         order

         run 10s

         rearm anna looked at the book
         order
         run until told compared

         show",
    ),
    (
        "a_trip_latches_until_somebody_says_so",
        NOT_SESSION_BOUND,
        "After a trip the guard arms again by itself, so that whatever is sent next is covered; but it permits no order before \
         somebody has said that they looked. What rests is then compared with what was sent.",
        "start quietly until armed
         orders 2
         run 10s

         silence
         run until told TRIPPED, at most 120s

         heal
         run until armed, at most 60s

         order

         rearm anna looked at the book
         order
         run until told compared

         show",
    ),
    (
        "wakes_after_freeze",
        EVERYWHERE,
        "The process stands still for twenty seconds and wakes. Before it says anything else it withdraws its claim, and tells \
         how late it is; what was acknowledged before counts for nothing, and it claims again only on what it asked for after \
         waking.",
        "start quietly until armed
         order
         run 10s

         freeze the process 20s
         run 20s

         show

         run until armed, at most 60s

         show",
    ),
    (
        "a_paused_machine_is_noticed",
        EVERYWHERE,
        "A virtual machine is paused for forty seconds with all its clocks, and cannot know it: by its own clock no time has \
         passed. What the venue says of its clock tells, as soon as it is heard.",
        "start quietly until armed
         order
         run 10s

         freeze the machine 40s
         run 41s

         show

         run 15s

         show",
    ),
    (
        "wakes_after_the_venue_has_acted",
        EVERYWHERE,
        "The process stands still for longer than the bound. The venue has cancelled meanwhile, and what the guard says on \
         waking begins with what is no longer so.",
        "start quietly until armed
         order
         run 10s

         freeze the process 90s
         run 90s

         show

         run until armed, at most 60s
         run 2s

         show",
    ),
    (
        "a_long_outage_stays_within_the_venues_dial_limit",
        EVERYWHERE,
        "In a long outage dials become rarer, so that the venue's limit on connections is never reached and one is always left \
         for the moment the path heals.",
        "start quietly until armed
         run 10s

         silence
         run 15min

         heal
         run until armed, at most 60s

         show",
    ),
    (
        "a_dead_process_is_covered_within_the_bound",
        EVERYWHERE,
        "The process is killed while orders rest, and nobody comes back: the venue cancels what was covered within the bound \
         that was published.",
        "start quietly until armed
         orders 2
         run 10s

         show

         kill the process
         run until no order rests, at most {bound}",
    ),
    (
        "a_dark_machine_is_covered_within_the_bound",
        EVERYWHERE,
        "The machine goes dark: no byte leaves it any more, not even a reset. The venue cancels what was covered within the \
         bound that was published.",
        "start quietly until armed
         orders 2
         run 10s

         show

         silence
         kill the process
         run until no order rests, at most {bound}",
    ),
    (
        "a_restarted_program_finds_what_rests",
        EVERYWHERE,
        "The program is killed and started again at once; it knows nothing of the orders it sent before. What still rests is \
         told as of others, and whether the switch covers it.",
        "start quietly until armed
         orders 2
         run 2s

         silence
         kill the process
         heal
         start the process
         run until armed
         run until told compared

         show",
    ),
];
