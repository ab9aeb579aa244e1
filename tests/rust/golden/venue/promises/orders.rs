//! Orders through the guard: their fates, their limits, what rests and what became of it.

use super::{DERIBIT, EVERYWHERE, Entry, OF_THE_ACCOUNT, SESSION_BOUND};

pub const ALL: &[Entry] = &[
    (
        "nothing_outlives_its_epoch",
        EVERYWHERE,
        "An order was sent and the link is lost before its answer: its fate is unknown, and it is told as that. Nothing that \
         was meant for the old connection is ever said on the new one; after arming, the venue's list says what became of it.",
        "start quietly until armed
         run 1s

         venue loses {order} 1 times
         order
         run 200ms

         reset
         run 15ms

         run until armed, at most 20s
         run 6s

         show",
    ),
    (
        "an_order_refused_by_the_venue_is_answered",
        EVERYWHERE,
        "The venue refuses an order: that is an answer, not a loss, and the guard goes on.",
        "start quietly until armed
         run 1s

         venue refuses {order} 1 times
         order
         run 1s

         show",
    ),
    (
        "bulk_is_throttled_before_the_venues_limit",
        EVERYWHERE,
        "Five hundred orders at once: what is above four fifths of the venue's limit is refused here, by name and with the time \
         at which there is room again. The rest of the limit is kept for what keeps the switch, for cancels and for a kill.",
        "start quietly until armed
         run 1s

         orders 500

         run 40s

         show",
    ),
    (
        "orders_of_others_are_told",
        OF_THE_ACCOUNT,
        "Another program rests an order on the same account. It is told, with whether the switch covers it: where it covers the \
         account, that order would go with ours.",
        "start quietly until armed
         order
         run 2s

         another program places an order
         run until told compared, at most 70s

         show",
    ),
    (
        "what_rests_at_the_start_is_told_before_it_is_covered",
        OF_THE_ACCOUNT,
        "The switch covers the account, so whatever rests when the guard starts is about to be covered, whoever sent it. It is \
         told first.",
        "another program places an order
         start
         run until told compared

         run until armed

         show",
    ),
    (
        "an_order_left_behind_is_told_as_uncovered",
        SESSION_BOUND,
        "The link is lost and the venue does not know it yet: its switch has not fired, the orders rest, and the switch of the \
         new connection does not cover them. The guard says so within seconds of being armed again, and says so again when \
         they are gone.",
        "start quietly until armed
         orders 2
         run 10s

         silence on the links that exist
         run until told TRIPPED, at most 60s

         run until armed
         run 5s

         show

         run 60s

         show",
    ),
    (
        "a_subscription_outlives_its_link",
        EVERYWHERE,
        "A subscription that the application asked to be kept is said again on the next link and answered before the guard says \
         armed.",
        "start quietly until armed
         run 1s

         subscribe
         run 1s

         reset
         run 15ms

         run until armed, at most 20s
         run 1s",
    ),
    (
        "a_cancellation_is_told_with_the_venues_word_for_it",
        DERIBIT,
        "Deribit says why an order was cancelled. After the switch of the old connection fired, the guard hears of it on the \
         new one and tells who did it in the venue's own word.",
        "start quietly until armed
         orders 2
         run 5s

         silence on the links that exist
         run until told TRIPPED, at most 60s

         run until told cancelled, at most 60s",
    ),
];
