//! Text that must never be seen: API secrets, tokens, signatures. It cannot be printed, compared or serialised, and its
//! bytes are wiped when the last clone is dropped.

use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Secret text. `Debug` prints `[secret]`; there is no `Display`, no `Serialize`, no `PartialEq`.
#[derive(Clone, Default)]
pub struct Secret(
    /// Shared by its clones, so that there is one place in memory to be wiped and to be kept out of core files.
    Arc<Zeroizing<String>>,
);

impl Secret {
    /// Takes ownership of the text, so that no second copy stays behind.
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// The text itself. Call this only where it is signed or written to a verified link.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// True when there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_text() {
        let secret = Secret::new("hunter2".into());
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(secret.reveal(), "hunter2");
    }
}
