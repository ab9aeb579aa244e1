//! The list: what a session promises, at which venues, and the script that shows it. A script is the same at every venue and
//! is spelled as each of them does; what follows from it is not the same.

mod arming;
mod ending;
mod killing;
mod leases;
mod losing;
mod orders;

use crate::script::Promise;

/// Where a promise applies.
#[derive(Clone, Copy)]
struct Where(&'static [&'static str]);

const EVERYWHERE: Where = Where(&["crypto_com", "deribit", "bybit", "kraken"]);
/// The end of the connection is what fires the switch.
const SESSION_BOUND: Where = Where(&["crypto_com", "deribit"]);
/// The end of the connection fires nothing, or not at once.
const NOT_SESSION_BOUND: Where = Where(&["bybit", "kraken"]);
/// The venue can be asked whether the switch is on.
const ASKED: Where = Where(&["crypto_com", "deribit", "bybit"]);
/// The switch covers what others send, too.
const OF_THE_ACCOUNT: Where = NOT_SESSION_BOUND;
/// What is asked of the venue tells whether the switch is still on.
const TELLS_OF_IT: Where = Where(&["crypto_com", "deribit", "kraken"]);
const BYBIT: Where = Where(&["bybit"]);
const DERIBIT: Where = Where(&["deribit"]);
const KRAKEN: Where = Where(&["kraken"]);

/// Name, where, title, script.
type Entry = (&'static str, Where, &'static str, &'static str);

/// The promises of one venue.
pub fn of(venue: &str) -> Vec<Promise> {
    let groups = [arming::ALL, losing::ALL, orders::ALL, leases::ALL, killing::ALL, ending::ALL];
    let here = groups.into_iter().flatten().filter(|(_, Where(venues), ..)| venues.contains(&venue));
    here.map(|(name, _, title, script)| Promise { name, title, script: (*script).to_owned() }).collect()
}
