//! What was probably meant: the nearest of a few known words. It knows nothing of files.

/// The known word that differs least from `word`, when that is little enough to be a slip.
pub fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word: Vec<char> = word.chars().take(LENGTH_MAX + 1).collect();
    if word.len() > LENGTH_MAX {
        return None;
    }
    let near = known.map(|each| (distance(&word, &each.chars().collect::<Vec<_>>()), each)).min()?;
    (near.0 <= word.len().max(3) / 3).then_some(near.1)
}

/// Longer than any key; keeps the work for a hostile file small.
const LENGTH_MAX: usize = 64;

/// How many letters to put in, take out or exchange.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["heartbeat_s", "window_s", "cadence_s", "env"];

    #[test]
    fn a_slip_finds_what_was_meant() {
        for (slip, meant) in [("heartbeats_s", "heartbeat_s"), ("windows", "window_s"), ("cadance_s", "cadence_s")] {
            assert_eq!(nearest(slip, KEYS.into_iter()), Some(meant));
        }
        assert_eq!(nearest("en", KEYS.into_iter()), Some("env"));
    }

    #[test]
    fn what_is_far_from_everything_finds_nothing() {
        assert_eq!(nearest("colour", KEYS.into_iter()), None);
        assert_eq!(nearest(&"w".repeat(100_000), KEYS.into_iter()), None);
    }
}
