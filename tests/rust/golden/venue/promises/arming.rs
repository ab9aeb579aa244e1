//! Getting armed, staying armed, and what is not taken for it.

use super::{BYBIT, DERIBIT, EVERYWHERE, Entry, KRAKEN, TELLS_OF_IT, Where};

pub const ALL: &[Entry] = &[
    (
        "armed_only_after_every_step",
        EVERYWHERE,
        "Nothing is claimed before every step of arming was acknowledged on this connection, and read back where the venue \
         can be asked. Orders are refused until then, and permitted from that moment on.",
        "start

         # Too early.
         order

         run until armed

         order
         run 1s

         show",
    ),
    (
        "kept_armed_while_nothing_happens",
        EVERYWHERE,
        "A healthy link is kept armed by what the venue wants to hear, when it wants to hear it: heartbeats are answered in \
         the moment they come, countdowns are fed at a quarter of their window, and the switch is read back every half minute \
         where the venue can be asked.",
        "start quietly until armed
         order

         run 100s

         show",
    ),
    (
        "a_lost_acknowledgement_is_never_a_yes",
        EVERYWHERE,
        "The venue turned the switch on and its answer was lost: the guard knows nothing, claims nothing and permits nothing, \
         gives the connection up and asks again on another one.",
        "venue loses {switch} 1 times
         start
         run 2s

         show

         run until armed

         show",
    ),
    (
        "a_lost_request_is_asked_again",
        EVERYWHERE,
        "The request that turns the switch on never reached the venue: nothing is claimed until another one was acknowledged.",
        "venue ignores {switch} 1 times
         start
         run until armed

         show",
    ),
    (
        "a_refused_switch_is_told_and_not_claimed",
        EVERYWHERE,
        "The venue says no to the switch. The guard tells the venue's own words and what to do about them, and claims nothing \
         until the venue says yes.",
        "venue refuses {switch}
         start
         run 10s

         show

         heal
         run until armed, at most 90s

         show",
    ),
    (
        "refused_credentials_are_tried_once_a_minute",
        EVERYWHERE,
        "A key that the venue refuses is told as refused, with what a person can do. It is tried again, but not more often than \
         once a minute: venues ban who knocks too often. When the key works again the guard arms by itself.",
        "revoke the key
         start
         run 130s

         show

         restore the key
         run until armed, at most 70s

         show",
    ),
    (
        "what_breaks_the_protection_is_refused",
        TELLS_OF_IT,
        "An application cannot weaken the protection in passing: such a request is refused, with what to do instead. Named \
         explicitly it is sent; then nothing is claimed until the venue, asked after that, says that the switch is on, and \
         where it is off it is put on again.",
        "start quietly until armed
         order
         run 1s

         break the protection

         break the protection by name

         run until armed, at most 30s
         run 2s

         show",
    ),
    (
        "what_breaks_the_protection_is_refused",
        BYBIT,
        "An application cannot weaken the protection in passing: such a request is refused, with what to do instead. Named \
         explicitly it is sent, and then nothing is claimed on this link any more: nothing that Bybit can be asked tells \
         whether a link is still subscribed. A new link, armed within the window, costs nothing.",
        "start quietly until armed
         order
         run 1s

         break the protection

         break the protection by name
         run 3s

         show

         abandon
         run until armed, at most 5s
         run 15s

         show",
    ),
    (
        "an_unanswered_feed_ends_the_claim",
        KRAKEN,
        "A feed that is not acknowledged within two seconds may not have reached the venue: nothing is claimed from then on, \
         although the countdown has most of its window left. The next feed that is acknowledged ends the doubt.",
        "start quietly until armed
         order
         run 1s

         venue ignores {switch} 1 times
         run until degraded

         show

         run until armed

         show",
    ),
    (
        "heartbeats_that_stop_are_noticed",
        Where(&["crypto_com"]),
        "The venue's own heartbeats stop, although it answers everything else: a venue that no longer counts this connection's \
         heartbeats would not notice that we are gone. Their absence ends the claim.",
        "start quietly until armed
         order
         run 5s

         venue stops its heartbeats
         run until told taken for dead, at most 100s

         show",
    ),
    (
        "heartbeats_that_stop_cannot_be_noticed",
        DERIBIT,
        "What is NOT promised: Deribit sends a heartbeat only when nobody else speaks, so that the silence of its heartbeats \
         means nothing while there is traffic. Should it stop to watch this connection without a word, nothing tells us, and \
         the claim is false until it does: compare the last line with the bound.",
        "start quietly until armed
         order
         run 5s

         venue stops its heartbeats
         run 60s

         show",
    ),
    (
        "nonsense_does_not_cancel_a_healthy_book",
        EVERYWHERE,
        "The venue says something that is no message of its own. Nothing is claimed until the switch is verified, and where \
         closing the connection would cancel the orders it is not closed for that.",
        "start quietly until armed
         orders 2
         run 1s

         venue says nonsense
         run 50ms

         run until armed, at most 20s
         run until permitted

         show",
    ),
    (
        "a_wrong_wall_clock_is_corrected_from_the_venue",
        EVERYWHERE,
        "This machine's wall clock is ten minutes fast, so that a signature of ours is refused as expired or too early where \
         the venue looks at times. What the venue says of its own clock is used instead, and no deadline hangs on either.",
        "wall clock +10min
         start
         run until armed, at most 70s

         show

         # And once more while armed: ten minutes back.
         wall clock -10min
         run 40s

         show",
    ),
    (
        "maintenance_of_the_venue_ends_the_claim",
        EVERYWHERE,
        "A venue that is down cancels nothing. While it says so nothing is claimed; when it is back the guard arms again by \
         itself, and where orders may be gone it says so.",
        "start quietly until armed
         order
         run 5s

         venue is down
         run 30s

         show

         heal
         run until armed, at most 120s
         run 2s

         show",
    ),
    (
        "maintenance_on_purpose",
        EVERYWHERE,
        "The switch is taken off on purpose where the venue lets us, with a reason that is kept; orders stay, nothing is \
         claimed, and no order is permitted. Where the venue does not let us, that is said at once and nothing changes.",
        "start quietly until armed
         order
         run 1s

         maintenance begins the engine is upgraded
         run 2s

         show

         maintenance ends the engine is back
         run 2s

         show",
    ),
];
