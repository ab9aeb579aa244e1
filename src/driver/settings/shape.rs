//! Which keys the file can have, what kind of value each takes, and for which venue. This is the whole schema: a test
//! holds `docs/configuration.md` against it. It reads nothing.

/// What a key takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// Text that is not empty and holds no control characters.
    Text,
    /// A name for people and file names: 1 to 64 of letters, digits, `.`, `_`, `-`.
    Name,
    /// The beginning of the names of environment variables.
    Variable,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An array of these words.
    Words(&'static [&'static str]),
    /// A whole number from 0 to 4294967295.
    Whole,
    /// A finite number, whole or not.
    Number,
    /// true or false.
    Flag,
    /// A table, read by itself.
    Table,
    /// An array of tables, each read by itself.
    Tables,
}

/// One key of a table.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// The venues whose accounts have it; empty for all.
    pub venues: &'static [&'static str],
}

/// The keys of one table.
#[derive(Clone, PartialEq, Debug)]
pub struct Shape {
    /// The keys.
    pub fields: Vec<Field>,
    /// The venue of the account, where that decides which keys there are.
    pub venue: Option<String>,
    /// Keys under which somebody may have written a secret: told apart so that the answer helps, and never shown.
    pub secrets: &'static [&'static str],
}

/// The venues, as the file spells them.
pub const VENUES: &[&str] = &["crypto_com", "deribit", "bybit", "kraken"];

const fn field(key: &'static str, kind: Kind) -> Field {
    Field { key, kind, required: false, venues: &[] }
}

const fn required(key: &'static str, kind: Kind) -> Field {
    Field { key, kind, required: true, venues: &[] }
}

const fn only(venues: &'static [&'static str], key: &'static str, kind: Kind) -> Field {
    Field { key, kind, required: false, venues }
}

/// A table whose keys do not depend on a venue.
pub struct Fixed(&'static [Field], &'static [&'static str]);

impl Fixed {
    /// Its keys.
    pub fn shape(&self) -> Shape {
        Shape { fields: self.0.to_vec(), venue: None, secrets: self.1 }
    }
}

/// The file itself.
pub const ROOT: Fixed =
    Fixed(&[field("run", Kind::Table), field("policy", Kind::Table), required("account", Kind::Tables)], &[]);

/// `[run]`.
pub const RUN: Fixed = Fixed(&[field("socket", Kind::Text), field("journal", Kind::Text)], &[]);

/// `[policy]`, of the file or of an account.
pub const POLICY: Fixed = Fixed(
    &[
        field("probe_every_s", Kind::Number),
        field("suspect_margin_s", Kind::Number),
        field("dead_margin_s", Kind::Number),
        field("dead_floor_s", Kind::Number),
        field("step_deadline_s", Kind::Number),
        field("venue_probe_every_s", Kind::Number),
        field("read_back_every_s", Kind::Number),
        field("user_timeout_s", Kind::Number),
        field("stall_limit_s", Kind::Number),
        field("latch_after_trip", Kind::Flag),
    ],
    &[],
);

/// `credentials = { … }` of an account.
pub const CREDENTIALS: Fixed =
    Fixed(&[field("env", Kind::Variable), field("file", Kind::Text)], &["key", "secret", "otp", "password", "token"]);

/// `endpoints = { … }` of an account.
pub const ENDPOINTS: Fixed = Fixed(
    &[
        required("guard_url", Kind::Text),
        required("http_url", Kind::Text),
        field("trade_url", Kind::Text),
        field("ca_file", Kind::Text),
        field("time_factor", Kind::Number),
    ],
    &[],
);

/// `[[account.lease]]`.
pub const LEASE: Fixed =
    Fixed(&[required("name", Kind::Name), required("budget_s", Kind::Number), required("page", Kind::Text)], &[]);

const ACCOUNT: &[Field] = &[
    required("name", Kind::Name),
    required("venue", Kind::OneOf(VENUES)),
    field("environment", Kind::OneOf(&["production", "test"])),
    required("credentials", Kind::Table),
    field("endpoints", Kind::Table),
    field("policy", Kind::Table),
    field("lease", Kind::Tables),
    only(&["deribit"], "heartbeat_s", Kind::Whole),
    only(&["deribit"], "scope", Kind::OneOf(&["connection", "account"])),
    only(&["deribit"], "matching_rate", Kind::Whole),
    only(&["deribit"], "matching_burst", Kind::Whole),
    only(&["bybit"], "products", Kind::Words(&["SPOT", "DERIVATIVES", "OPTIONS"])),
    only(&["bybit", "kraken"], "window_s", Kind::Whole),
    only(&["bybit"], "max_active_time_s", Kind::Whole),
    only(&["bybit"], "trade_link", Kind::Flag),
    only(&["kraken"], "cadence_s", Kind::Number),
];

/// `[[account]]`. Without a known venue every venue's keys are taken: the venue is the mistake then, not they.
pub fn account(venue: Option<&str>) -> Shape {
    let known = venue.filter(|name| VENUES.contains(name)).map(str::to_owned);
    Shape { fields: ACCOUNT.to_vec(), venue: known, secrets: &["key", "secret", "api_key", "api_secret", "otp"] }
}

/// True for what may name an account or a lease.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// True for what may begin the name of an environment variable.
pub fn is_variable(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
