//! What a login at the embedded Deribit may do (specification, section 3.4): levels for each group of methods, narrowed
//! by the key's permissions and by the scope that was asked for, and whether tokens live with the connection or with a
//! named session.

use crate::sim::exchange::Account;

/// Groups with levels, in the alphabetical order of the granted text.
const GROUPS: [&str; 5] = ["account", "block_trade", "custody", "trade", "wallet"];

/// How much a group may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Read and write.
    ReadWrite,
}

/// A granted scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope {
    levels: [Level; GROUPS.len()],
    /// The named session; `None` for tokens that die with their connection.
    pub session: Option<String>,
    /// A shorter life than usual, in seconds.
    pub expires_s: Option<u64>,
    name: String,
}

impl Scope {
    /// What this key gets when it asks for `wanted`: silently narrowed, never widened.
    pub fn grant(account: &Account, wanted: &str) -> Self {
        let mut scope =
            Self { levels: [Level::ReadWrite; 5], session: None, expires_s: None, name: account.name.clone() };
        for (index, group) in GROUPS.iter().enumerate() {
            let asked = wanted.split_whitespace().filter_map(|item| level_of(item, group)).max();
            scope.levels[index] = asked.unwrap_or(Level::ReadWrite).min(allowed(account, group));
        }
        for item in wanted.split_whitespace() {
            if let Some(name) = item.strip_prefix("session:") {
                scope.session = Some(name.to_owned());
            }
            if let Some(seconds) = item.strip_prefix("expires:") {
                scope.expires_s = seconds.parse().ok();
            }
        }
        scope
    }

    /// The granted text: alphabetical, with the venue's own additions.
    pub fn text(&self) -> String {
        let mut items: Vec<String> =
            GROUPS.iter().zip(self.levels).map(|(group, level)| format!("{group}:{}", level.word())).collect();
        items.push(self.session.as_ref().map_or_else(|| "connection".to_owned(), |name| format!("session:{name}")));
        items.push("mainaccount".to_owned());
        items.push(format!("name:{}", self.name));
        items.sort();
        items.join(" ")
    }

    /// Whether this scope may call a private method.
    pub fn allows(&self, method: &str) -> bool {
        let (group, level) = required(method);
        GROUPS.iter().position(|known| *known == group).is_none_or(|index| self.levels[index] >= level)
    }
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::ReadWrite => "read_write",
        }
    }
}

fn level_of(item: &str, group: &str) -> Option<Level> {
    match item.strip_prefix(group)? {
        ":none" => Some(Level::None),
        ":read" => Some(Level::Read),
        ":read_write" => Some(Level::ReadWrite),
        _ => None,
    }
}

/// The most a key can get, from what it lacks.
fn allowed(account: &Account, group: &str) -> Level {
    let lacking = account.lacks.iter().filter_map(|lack| level_of(lack, group)).min();
    match lacking {
        None => Level::ReadWrite,
        Some(Level::ReadWrite) => Level::Read,
        Some(Level::Read | Level::None) => Level::None,
    }
}

fn required(method: &str) -> (&'static str, Level) {
    match method.strip_prefix("private/").unwrap_or_default() {
        "enable_cancel_on_disconnect" | "disable_cancel_on_disconnect" => ("account", Level::ReadWrite),
        "get_cancel_on_disconnect" | "get_account_summary" | "get_account_summaries" => ("account", Level::Read),
        "buy" | "sell" | "edit" => ("trade", Level::ReadWrite),
        name if name.starts_with("cancel") => ("trade", Level::ReadWrite),
        name if name.starts_with("get_") => ("trade", Level::Read),
        _ => ("", Level::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(lacks: &[&str]) -> Account {
        let lacks = lacks.iter().map(|lack| (*lack).to_owned()).collect();
        Account { key: "k".into(), secret: "s".into(), name: "main".into(), valid: true, lacks }
    }

    #[test]
    fn the_granted_text_is_alphabetical_with_the_venues_additions() {
        assert_eq!(
            Scope::grant(&account(&[]), "").text(),
            "account:read_write block_trade:read_write connection custody:read_write mainaccount name:main \
             trade:read_write wallet:read_write"
        );
        let session = Scope::grant(&account(&[]), "trade:read session:desk expires:60");
        assert_eq!((session.session.as_deref(), session.expires_s), (Some("desk"), Some(60)));
        assert!(session.text().contains(" session:desk trade:read wallet:"));
    }

    #[test]
    fn a_scope_is_narrowed_by_what_was_asked_and_by_what_the_key_lacks() {
        let trader = Scope::grant(&account(&["account:read_write"]), "account:read_write trade:read_write");
        assert!(trader.allows("private/get_cancel_on_disconnect") && trader.allows("private/buy"));
        assert!(!trader.allows("private/enable_cancel_on_disconnect"));
        let reader = Scope::grant(&account(&[]), "trade:read");
        assert!(reader.allows("private/get_open_orders") && !reader.allows("private/cancel_all"));
        assert!(!Scope::grant(&account(&["account:read"]), "").allows("private/get_cancel_on_disconnect"));
    }
}
