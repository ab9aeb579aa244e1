//! What a guard's outgoing line or call means to its venue, read from the venues' words and not through the dialects: the
//! second opinion on what may be said after a lapse, and on what must never be said unasked.

/// What is written on a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// Takes every order off.
    CancelsAll,
    /// Takes the switch off, or weakens what it depends on.
    Disarms,
    /// Everything else: heartbeat answers, feeds, subscriptions, orders.
    Other,
}

const CANCELS: [&str; 4] = [
    r#""private/cancel-all-orders""#,
    r#""private/advanced/cancel-all-orders""#,
    r#""private/cancel_all""#,
    r#""cancel_all""#,
];
const DISARMS: [&str; 8] = [
    "disable_cancel_on_disconnect",
    "private/logout",
    "disable_heartbeat",
    r#""timeout":0}"#,
    r#""timeout":0,"#,
    r#""op":"unsubscribe""#,
    r#""method":"unsubscribe""#,
    "/unsubscribe",
];

/// What this line means.
pub fn of_line(line: &str) -> Meaning {
    if DISARMS.iter().any(|word| line.contains(word)) {
        Meaning::Disarms
    } else if line.contains("cancel") && CANCELS.iter().any(|word| line.contains(word)) {
        Meaning::CancelsAll
    } else {
        Meaning::Other
    }
}

/// True when a call to this path takes every order off.
pub fn call_cancels_all(path: &str) -> bool {
    let name = path.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    matches!(name, "cancel-all-orders" | "cancel_all" | "cancel-all" | "CancelAll")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeding_a_countdown_is_no_cancel_all_and_ending_it_disarms() {
        assert_eq!(
            of_line(r#"{"method":"cancel_all_orders_after","params":{"timeout":60,"token":"t"}}"#),
            Meaning::Other
        );
        assert_eq!(
            of_line(r#"{"method":"cancel_all_orders_after","params":{"timeout":0,"token":"t"}}"#),
            Meaning::Disarms
        );
        assert_eq!(of_line(r#"{"method":"cancel_all","params":{"token":"t"}}"#), Meaning::CancelsAll);
    }

    #[test]
    fn setting_a_window_is_no_cancel_all() {
        assert!(!call_cancels_all("/v5/order/disconnected-cancel-all"));
        assert!(call_cancels_all("/v5/order/cancel-all"));
        assert!(call_cancels_all("/api/v2/private/cancel_all?detailed=true"));
        assert!(!call_cancels_all("/0/private/CancelAllOrdersAfter"));
    }
}
