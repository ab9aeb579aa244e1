//! Deliberate ends: letting go, and the farewell that keeps orders.

use super::{EVERYWHERE, Entry};

pub const ALL: &[Entry] = &[
    (
        "letting_go_leaves_the_orders_to_the_switch",
        EVERYWHERE,
        "The program ends without a word of farewell: the link is dropped, nothing is disarmed, and the venue cancels what was \
         covered within the bound.",
        "start quietly until armed
         orders 2
         run 5s

         let go
         run until no order rests, at most {bound}

         show",
    ),
    (
        "a_farewell_keeps_the_orders",
        EVERYWHERE,
        "The deliberate orderly end: the switch is taken off, the venue confirms it, and only then is the link closed; the \
         orders stay. Where the venue has no such end that is said at once, and the guard goes on guarding.",
        "start quietly until armed
         orders 2
         run 5s

         farewell end of the trading day
         run 3s

         show

         run {bound}

         show",
    ),
    (
        "a_farewell_that_is_not_confirmed_ends_nothing",
        EVERYWHERE,
        "The venue does not confirm that the switch is off. Closing now could cancel the orders that were to be kept, so \
         nothing is closed: the guard tells it, and goes on guarding.",
        "start quietly until armed
         orders 2
         run 5s

         venue ignores {disarm}
         farewell end of the trading day
         run 10s

         show",
    ),
];
