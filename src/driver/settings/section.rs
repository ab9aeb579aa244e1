//! One table of the file against its shape: values of the right kind with their places, and a mistake for everything
//! else. It does not know which tables there are.

use super::nearest::nearest;
use super::shape::{Field, Fixed, Kind, Shape, is_name, is_variable};
use super::{MISTAKES_MAX, Mistake, Place};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// The values of one table, each with its place.
pub type Section = BTreeMap<&'static str, (Value, Place)>;

/// A value of the right kind.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Value {
    Text(String),
    Words(Vec<String>),
    Whole(u32),
    Number(f64),
    Flag(bool),
}

/// Reads tables and collects mistakes.
pub struct Reader<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
}

impl<'t> Reader<'t> {
    /// A reader of this text, without mistakes.
    pub fn new(text: &'t str) -> Self {
        Self { text, mistakes: Vec::new() }
    }

    /// The values of `table`, and a mistake for every key that is unknown, missing, or of another kind.
    pub fn section(&mut self, at: usize, table: &DeTable<'_>, shape: &Shape, label: &str) -> Section {
        self.unknown_in(table, shape, label);
        let mut section = Section::new();
        for field in shape.fields.iter().filter(|field| shape.has(field)) {
            match table.get(field.key) {
                None if field.required => self.missing(at, &joined(label, field.key), "is missing"),
                None => {}
                Some(value) => {
                    let place = place_in(self.text, value.span().start);
                    if let Some(good) = self.value(value, field, &joined(label, field.key)) {
                        section.insert(field.key, (good, place));
                    }
                }
            }
        }
        section
    }

    /// The table under `key`, when there is one.
    pub fn optional(&mut self, table: &DeTable<'_>, key: &str, shape: &Fixed, label: &str) -> Option<Section> {
        let value = table.get(key)?;
        let DeValue::Table(inner) = value.get_ref() else { return None };
        Some(self.section(value.span().start, inner, &shape.shape(), label))
    }

    /// The tables under `key`, each with where it begins. What is not an array of tables is a mistake.
    pub fn tables<'v, 'i>(&mut self, table: &'v DeTable<'i>, key: &str, label: &str) -> Vec<(usize, &'v DeTable<'i>)> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else { return Vec::new() };
        let mut found = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(inner) => found.push((item.span().start, inner)),
                other => {
                    let rule = format!("must be tables: [[…]] or an array of {{ … }}, not {}", kind_word(other));
                    self.mistake(item.span().start, label, "", rule);
                }
            }
        }
        found
    }

    /// A mistake for every key of `table` that is unknown or of another kind than a table.
    pub fn unknown(&mut self, table: &DeTable<'_>, shape: &Fixed, label: &str) {
        let shape = shape.shape();
        self.unknown_in(table, &shape, label);
        for field in &shape.fields {
            if let Some(value) = table.get(field.key) {
                self.value(value, field, &joined(label, field.key));
            }
        }
    }

    /// What the parser found.
    pub fn syntax(&mut self, error: &toml::de::Error) {
        let at = error.span().map_or(0, |span| span.start);
        self.mistake(at, "", "", format!("not TOML: {}", error.message()));
    }

    /// A key that must be there is not.
    pub fn missing(&mut self, at: usize, key: &str, rule: &str) {
        self.mistake(at, key, "", rule.into());
    }

    /// Something is wrong at a byte of the text.
    pub fn mistake(&mut self, at: usize, key: &str, value: impl Into<String>, rule: String) {
        self.at(place_in(self.text, at), key.to_owned(), value.into(), rule);
    }

    /// Something is wrong at a place.
    pub fn at(&mut self, place: Place, key: String, value: String, rule: String) {
        self.mistakes.push(Mistake { place, key, value, rule });
    }

    /// True while nothing was found wrong under this key.
    pub fn is_clean_under(&self, label: &str) -> bool {
        !self.mistakes.iter().any(|mistake| mistake.key.starts_with(label))
    }

    /// What was found wrong, in the order of the file.
    pub fn into_mistakes(mut self) -> Vec<Mistake> {
        self.mistakes.sort_by_key(|mistake| mistake.place);
        self.mistakes.truncate(MISTAKES_MAX);
        self.mistakes
    }

    fn unknown_in(&mut self, table: &DeTable<'_>, shape: &Shape, label: &str) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if shape.fields.iter().any(|field| field.key == name && shape.has(field)) {
                continue;
            }
            let secret = shape.secrets.contains(&name);
            let value = if secret { "[hidden]" } else { "" };
            let shown = joined(label, &shortened(name));
            self.mistake(
                key.span().start,
                &shown,
                value,
                if secret { SECRET_RULE.into() } else { shape.unknown(name) },
            );
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, field: &Field, key: &str) -> Option<Value> {
        match (field.kind, value.get_ref()) {
            (Kind::Table, DeValue::Table(_)) | (Kind::Tables, DeValue::Array(_)) => None,
            (kind, given) => {
                let good = checked(kind, given);
                if let Err(rule) = &good {
                    self.mistake(value.span().start, key, shown(field, given), rule.clone());
                }
                good.ok()
            }
        }
    }
}

impl Shape {
    /// Whether this account's venue has the key.
    fn has(&self, field: &Field) -> bool {
        let venue = self.venue.as_deref();
        field.venues.is_empty() || venue.is_none_or(|venue| field.venues.contains(&venue))
    }

    /// What to say of a key that is not one.
    fn unknown(&self, name: &str) -> String {
        if let (Some(elsewhere), Some(venue)) = (self.fields.iter().find(|field| field.key == name), &self.venue) {
            let have = if elsewhere.venues.len() == 1 { "has" } else { "have" };
            return format!("is not a key of a {venue} account; {} {have} it", elsewhere.venues.join(" and "));
        }
        match nearest(name, self.fields.iter().filter(|field| self.has(field)).map(|field| field.key)) {
            Some(meant) => format!("is not a key here; did you mean {meant}?"),
            None => "is not a key here".into(),
        }
    }
}

const SECRET_RULE: &str =
    "secrets do not stand in this file: write credentials = { env = \"NAME\" } or credentials = { file = \"path\" }";

/// Where a byte of the text is.
pub fn place_in(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: count(before.matches('\n').count() + 1), column: count(before[line_start..].chars().count() + 1) }
}

fn checked(kind: Kind, given: &DeValue<'_>) -> Result<Value, String> {
    let wrong = |must: &str| Err(format!("must be {must}, not {}", kind_word(given)));
    match (kind, given) {
        (Kind::Text, DeValue::String(text)) if text.trim().is_empty() => Err("must not be empty".into()),
        (Kind::Text, DeValue::String(text)) if text.chars().any(char::is_control) => {
            Err("must not hold control characters".into())
        }
        (Kind::Text, DeValue::String(text)) => Ok(Value::Text(text.to_string())),
        (Kind::Name, DeValue::String(text)) if is_name(text) => Ok(Value::Text(text.to_string())),
        (Kind::Name, DeValue::String(_)) => Err("must be 1 to 64 letters, digits, '.', '_' or '-'".into()),
        (Kind::Variable, DeValue::String(text)) if is_variable(text) => Ok(Value::Text(text.to_string())),
        (Kind::Variable, DeValue::String(_)) => {
            Err("must be what the variables' names begin with: DERIBIT for DERIBIT_KEY and DERIBIT_SECRET".into())
        }
        (Kind::OneOf(words), DeValue::String(text)) => one_of(words, text).map(Value::Text),
        (Kind::Words(words), DeValue::Array(items)) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => one_of(words, text),
                other => Err(format!("must be an array of text, not of {}", kind_word(other))),
            })
            .collect::<Result<_, _>>()
            .map(Value::Words),
        (Kind::Whole, DeValue::Integer(number)) => {
            whole(number).map(Value::Whole).ok_or_else(|| "must be a whole number from 0 to 4294967295".into())
        }
        (Kind::Number, DeValue::Integer(number)) => whole_float(number),
        (Kind::Number, DeValue::Float(number)) => match number.as_str().parse::<f64>() {
            Ok(good) if good.is_finite() => Ok(Value::Number(good)),
            Ok(_) | Err(_) => Err("must be a finite number".into()),
        },
        (Kind::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
        (Kind::Text | Kind::Name | Kind::Variable | Kind::OneOf(_), _) => wrong("text in quotes"),
        (Kind::Words(_), _) => wrong("an array of text"),
        (Kind::Whole, _) => wrong("a whole number"),
        (Kind::Number, _) => wrong("a number"),
        (Kind::Flag, _) => wrong("true or false"),
        (Kind::Table, _) => wrong("a table { … }"),
        (Kind::Tables, _) => wrong("tables: [[…]] or an array of { … }"),
    }
}

fn one_of(words: &[&str], text: &str) -> Result<String, String> {
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    let meant = nearest(text, words.iter().copied()).map(|word| format!("; did you mean {word}?")).unwrap_or_default();
    Err(format!("must be one of {}{meant}", words.join(", ")))
}

fn whole(number: &DeInteger<'_>) -> Option<u32> {
    u32::from_str_radix(number.as_str(), number.radix()).ok()
}

fn whole_float(number: &DeInteger<'_>) -> Result<Value, String> {
    let good = i32::from_str_radix(number.as_str(), number.radix());
    good.map(|good| Value::Number(f64::from(good)))
        .map_err(|_| "must be a number between -2147483648 and 2147483647".into())
}

fn kind_word(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The value for a person to find it by. What stands where credentials belong is not shown.
fn shown(field: &Field, value: &DeValue<'_>) -> String {
    match (field.kind, value) {
        (Kind::Table | Kind::Variable, _) => "[hidden]".into(),
        (_, DeValue::String(text)) => format!("\"{}\"", shortened(text)),
        (_, DeValue::Integer(number)) => shortened(&number.to_string()),
        (_, DeValue::Float(number)) => shortened(number.as_str()),
        (_, DeValue::Boolean(flag)) => flag.to_string(),
        (_, DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_)) => String::new(),
    }
}

const SHOWN_MAX: usize = 60;

/// True for what looks like a key's secret, which people paste into any place: long, of all kinds of letters and digits, and
/// neither a path nor words; or with the padding of base64.
fn may_be_secret(text: &str) -> bool {
    let has = |kind: fn(&char) -> bool| text.chars().any(|c| kind(&c));
    let mixed = has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase) && has(char::is_ascii_digit);
    text.len() >= SECRET_MIN && (text.ends_with('=') || mixed && !text.contains(['/', '.', ' ']))
}

/// The shortest secret of any venue is longer (Crypto.com: 22 characters after its prefix).
const SECRET_MIN: usize = 20;

fn shortened(text: &str) -> String {
    if may_be_secret(text) {
        return "[hidden]".into();
    }
    let mut short: String = text.chars().take(SHOWN_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        short.push('…');
    }
    short
}

fn joined(label: &str, key: &str) -> String {
    if label.is_empty() { key.to_owned() } else { format!("{label}.{key}") }
}
