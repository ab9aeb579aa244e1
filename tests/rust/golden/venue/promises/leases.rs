//! Leases: the strategy's own promise to be alive.

use super::{EVERYWHERE, Entry};

pub const ALL: &[Entry] = &[
    (
        "lease_lapses",
        EVERYWHERE,
        "The strategy hangs while the process and its network thread are well. At half the budget there is a warning; after \
         the budget nothing is said that keeps the switch, cancel-all leaves over every path, the links are ended, and the \
         guard stays tripped until somebody says otherwise.",
        "start quietly until armed
         lease quoter 1s every 200ms
         run until permitted
         orders 2
         run 5s

         quoter stalls
         run 5s

         show

         # Getting on again revives nothing.
         quoter gets on
         run 5s

         show

         rearm anna restarted the quoter
         run until permitted
         order
         run 1s

         show",
    ),
    (
        "no_order_before_the_first_renewal",
        EVERYWHERE,
        "A lease was taken and its holder has not begun: the guard arms, and permits no order before the first renewal.",
        "start quietly until armed
         lease quoter 30s every 5s
         quoter stalls
         run until armed

         order

         show

         quoter gets on
         run until permitted
         order
         run 1s

         show",
    ),
    (
        "a_warning_and_a_renewal",
        EVERYWHERE,
        "Half the budget is used up: a warning, and nothing else. The next renewal ends it, and no order was touched.",
        "start quietly until armed
         lease quoter 1s every 200ms
         run until permitted
         order
         run 2s

         quoter stalls
         run 700ms

         quoter gets on
         run 1s

         show",
    ),
    (
        "a_token_that_does_not_change_is_no_renewal",
        EVERYWHERE,
        "A helper thread renews on and on with the same progress token: it proves that the helper lives, not that the strategy \
         gets on. It counts for nothing, and the lease lapses.",
        "start quietly until armed
         lease quoter 1s every 200ms
         run until permitted
         order
         run 2s

         quoter repeats
         run until no order rests, at most 3s

         show",
    ),
    (
        "a_planned_stall_is_announced",
        EVERYWHERE,
        "The strategy announces a stall of five seconds before it begins, a reload for instance: the end is moved once, the \
         warning with it, and nothing is cancelled.",
        "start quietly until armed
         lease quoter 1s every 200ms
         run until permitted
         order
         run 2s

         quoter announces a stall of 5s
         quoter stalls
         run 4s

         quoter gets on
         run 2s

         show",
    ),
    (
        "every_lease_must_be_current",
        EVERYWHERE,
        "Two strategies share the guard. One gets on, the other hangs: the orders go, because nobody can tell whose they are. A \
         lease that was closed on purpose is not waited for.",
        "start quietly until armed
         lease quoter 1s every 200ms
         lease hedger 2s every 500ms
         lease reporter 3s every 1s
         run until permitted
         orders 2
         run 5s

         reporter is closed
         run 5s

         hedger stalls
         run until no order rests, at most 5s

         show",
    ),
    (
        "a_frozen_process_lapses_before_it_says_anything",
        EVERYWHERE,
        "The whole process stands still for longer than a lease's budget, and goes on while the venue has not acted yet. The \
         lapse is judged first: not one sign of life leaves, and the orders are cancelled.",
        "start quietly until armed
         lease quoter 1s every 200ms
         run until permitted
         orders 2
         run 3s

         freeze the process 3s
         run 4s

         show",
    ),
];
