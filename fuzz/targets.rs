//! What killcord reads from outside, as plain functions of bytes that must return: fed by a fuzzer (`make fuzz`), and by an
//! ordinary test with every input that is kept (`tests/rust/hostile.rs`). Text of a venue comes line by line: an input
//! is a first byte that chooses how far the dialect has come, and lines.

use killcord::driver::settings;
use killcord::model::{
    Access, CallTag, Credentials, Environment, Epoch, LeasePage, LinkRole, Moment, Now, Secret, WallTime,
};
use killcord::parts::PageWatch;
use killcord::venue::bybit::{Bybit, BybitConfig, BybitProduct};
use killcord::venue::crypto_com::{CryptoCom, CryptoComConfig};
use killcord::venue::deribit::{Deribit, DeribitConfig, DeribitScope, MatchingCredits};
use killcord::venue::kraken::{Kraken, KrakenConfig};
use killcord::venue::{CallReply, Intent, Item, Outbox, Path, Venue};

/// The configuration file: every mistake has a place inside the file.
pub fn settings(bytes: &[u8]) {
    if let Err(mistakes) = settings::read(bytes) {
        assert!((1..=settings::MISTAKES_MAX).contains(&mistakes.len()));
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        for mistake in mistakes {
            assert!(mistake.place.line >= 1 && mistake.place.line as usize <= lines, "{mistake:?}");
            assert!(mistake.place.column >= 1, "{mistake:?}");
        }
    }
}

/// A shared lease's page, looked at again and again while somebody writes anything into it.
pub fn lease_page(bytes: &[u8]) {
    let mut watch = PageWatch::default();
    let mut now = Moment::from_nanos(1 << 40);
    for chunk in bytes.chunks(LeasePage::SIZE) {
        let page = LeasePage::from_bytes(chunk);
        if let Some(page) = page {
            assert_eq!(page.to_bytes()[..], chunk[..LeasePage::SIZE]);
        }
        let news = watch.look(now, page, None);
        if let Some(renewal) = news.renewal {
            assert!(renewal.earliest <= renewal.latest && renewal.latest <= now);
        }
        now = Moment::from_nanos(now.nanos() + 1_000_000);
    }
}

/// What Bybit's dialect hears.
pub fn bybit(bytes: &[u8]) {
    let config = BybitConfig {
        access: access(),
        products: vec![BybitProduct::Derivatives, BybitProduct::Spot, BybitProduct::Options],
        window_s: 10,
        max_active_time_s: 30,
        trade_link: true,
    };
    hear(Bybit::new(config).expect("a configuration that can be"), bytes);
}

/// What Crypto.com's dialect hears.
pub fn crypto_com(bytes: &[u8]) {
    hear(CryptoCom::new(CryptoComConfig { access: access() }).expect("a configuration that can be"), bytes);
}

/// What Deribit's dialect hears.
pub fn deribit(bytes: &[u8]) {
    let config = DeribitConfig {
        access: access(),
        heartbeat_s: 10,
        scope: DeribitScope::Connection,
        matching: MatchingCredits::default(),
    };
    hear(Deribit::new(config).expect("a configuration that can be"), bytes);
}

/// What Kraken's dialect hears.
pub fn kraken(bytes: &[u8]) {
    let (window_s, cadence) = (KrakenConfig::WINDOW_S_DEFAULT, KrakenConfig::CADENCE_DEFAULT);
    hear(
        Kraken::new(KrakenConfig { access: access(), window_s, cadence }).expect("a configuration that can be"),
        bytes,
    );
}

/// Every line is heard on a link and as the answer to each HTTP call that is under way, and read as an order message. In a
/// line `$1` to `$9` stand for the ids of the last things said, so that answers can match.
fn hear(mut venue: impl Venue, bytes: &[u8]) {
    let Some((&stage, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let mut bench = Bench::default();
    let now = |step: usize| Now {
        at: Moment::from_nanos(1_000_000_000_000 + step as u64 * 50_000_000),
        wall: WallTime::from_millis(1_780_000_000_000 + step as u64 * 50),
    };
    venue.prepare(now(0), &mut bench.out);
    bench.drain();
    venue.begin(now(1), LinkRole::Guard, Epoch(1), &mut bench.out);
    if stage & 1 != 0 {
        venue.begin(now(1), LinkRole::Trade, Epoch(2), &mut bench.out);
    }
    bench.drain();
    for (step, line) in text.split('\n').take(LINES_MAX).enumerate() {
        let now = now(step + 2);
        let role = if line.len() % 2 == 1 && stage & 1 != 0 { LinkRole::Trade } else { LinkRole::Guard };
        let line = bench.with_ids(line);
        if let Some(tag) = bench.calls.pop() {
            let (status, date) = if stage & 2 == 0 { (200, None) } else { (503, Some(line.as_str())) };
            let _ = venue.hear_reply(now, tag, CallReply::Got { status, body: &line, date }, &mut bench.out);
        }
        let _ = venue.hear(now, role, &line, &mut bench.out);
        let _ = (venue.order_news(role, &line), venue.orders_in(&line), venue.screen(&line));
        bench.drain();
        if let Some(intent) = INTENTS.get(usize::from(stage >> 2) + step) {
            venue.say(now, *intent, &mut bench.out);
            bench.drain();
        }
    }
    venue.forget(LinkRole::Trade);
    venue.forget(LinkRole::Guard);
}

#[derive(Default)]
struct Bench {
    out: Outbox,
    calls: Vec<CallTag>,
    ids: Vec<String>,
}

impl Bench {
    /// Whoever answers knows what was asked.
    fn drain(&mut self) {
        for item in self.out.items() {
            match item {
                Item::Say { text, .. } => self.ids.extend(ids_in(self.out.text(text))),
                Item::Call { tag, .. } => self.calls.push(*tag),
                Item::Report(_) => {}
            }
        }
        self.out.clear();
    }

    fn with_ids(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (name, id) in ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9"].iter().zip(self.ids.iter().rev()) {
            line = line.replace(name, id);
        }
        line
    }
}

/// The value of `id`, `req_id` or `reqId` in a line of ours, quotes included.
fn ids_in(line: &str) -> Option<String> {
    let (_, rest) = ["\"id\":", "\"req_id\":", "\"reqId\":"].iter().find_map(|key| line.split_once(key))?;
    let end = rest.find([',', '}'])?;
    Some(rest[..end].to_owned())
}

fn access() -> Access {
    let secret = Secret::new("a2lsbGNvcmQtZnV6emluZy1zZWNyZXQtMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw".into());
    let credentials = Credentials::new("KILLCORDFUZZING01", secret, None).expect("a key pair that can be");
    Access::standard("fuzzed", Environment::Production, credentials).expect("standard addresses")
}

const INTENTS: [Intent; 8] = [
    Intent::Feed,
    Intent::ReadBack,
    Intent::Probe(LinkRole::Guard),
    Intent::OpenOrders(Path::Link),
    Intent::CancelAll(Path::Link),
    Intent::CancelAll(Path::Http),
    Intent::OpenOrders(Path::Http),
    Intent::Farewell,
];
/// Longer conversations find nothing that these do not, and take their time.
const LINES_MAX: usize = 24;
