//! Kill: cancel everything now, over every path, then prove it.

use super::{ASKED, EVERYWHERE, Entry, OF_THE_ACCOUNT};

pub const ALL: &[Entry] = &[
    (
        "a_kill_is_proven",
        EVERYWHERE,
        "A kill cancels over every path at once and reads the venue's list until it is empty; only a list that was asked for \
         after the cancelling proves it. The guard is latched afterwards.",
        "start quietly until armed
         orders 3
         run 5s

         kill the red button was pressed
         run until told kill ends

         order

         show",
    ),
    (
        "a_kill_cancels_the_orders_of_others_too",
        OF_THE_ACCOUNT,
        "Cancel-all reaches what the venue's own cancel-all reaches, also orders that another program rests on the account.",
        "start quietly until armed
         order
         another program places an order
         run 5s

         kill the red button was pressed
         run until told kill ends

         show",
    ),
    (
        "a_kill_goes_round_a_dead_link",
        EVERYWHERE,
        "The links are dead and the path is well: the kill goes over HTTP, on a connection of its own, at once.",
        "start quietly until armed
         orders 2
         run 5s

         silence on the links that exist
         run 300ms

         kill the red button was pressed
         run until no order rests, at most 1s

         run until told kill ends

         show",
    ),
    (
        "a_kill_that_cannot_be_proven_says_so",
        EVERYWHERE,
        "Nothing reaches the venue by any path. After half a minute the kill is given up and says that nothing is proven; it \
         never takes silence for success.",
        "start quietly until armed
         orders 2
         run 5s

         silence
         kill the red button was pressed
         run until told kill ends

         show",
    ),
    (
        "a_kill_that_is_refused_says_what_is_left",
        EVERYWHERE,
        "The venue refuses every cancel-all, on the link and over HTTP. The kill goes on trying, drops the link where that \
         cancels, and says at the end what was left and what the venue said.",
        "start quietly until armed
         orders 2
         run 5s

         venue refuses {cancel all}
         venue refuses {cancel all over HTTP}
         kill the red button was pressed
         run until told kill ends

         show",
    ),
    (
        "a_kill_before_the_guard_is_armed",
        OF_THE_ACCOUNT,
        "A kill works in every phase: here the guard has never been connected, and orders of others rest on the account.",
        "another program places an order
         start
         run 10ms

         kill the red button was pressed
         run until told kill ends

         show",
    ),
    (
        "after_a_kill_what_is_gone_is_explained",
        ASKED,
        "Rearmed after a kill, the guard compares: what is gone was cancelled by the kill, and it says on what evidence.",
        "start quietly until armed
         orders 2
         run 5s

         kill the red button was pressed
         run until told kill ends

         run until armed, at most 60s
         rearm anna looked at the book
         run until told compared
         run 2s

         show",
    ),
];
