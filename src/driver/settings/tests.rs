//! The reader against files as people write them: what is read, and for every mistake its line, column, key and words.

use super::*;

const GOOD: &str = r#"
[run]
socket = "/run/killcord/killcord.sock"
journal = "guard.journal"

[policy]
dead_margin_s = 1

[[account]]
name = "desk"
venue = "deribit"
environment = "test"
credentials = { env = "DERIBIT" }
heartbeat_s = 10
policy = { latch_after_trip = false }

[[account.lease]]
name = "quoter"
budget_s = 0.25
page = "/dev/shm/quoter"

[[account]]
name = "spot"
venue = "bybit"
credentials = { file = "/etc/killcord/bybit" }
products = ["SPOT", "DERIVATIVES"]
endpoints = { guard_url = "wss://gw/v5/private", http_url = "https://gw", time_factor = 0.1 }
"#;

#[test]
fn a_good_file_is_read_with_the_place_of_every_value() {
    let settings = read(GOOD.as_bytes()).unwrap();
    assert_eq!(settings.run["journal"], (Value::Text("guard.journal".into()), Place { line: 4, column: 11 }));
    assert_eq!(settings.policy["dead_margin_s"].0, Value::Number(1.0));
    let [desk, spot] = &settings.accounts[..] else { panic!("two accounts") };
    assert_eq!(desk.values["heartbeat_s"], (Value::Whole(10), Place { line: 14, column: 15 }));
    assert_eq!(desk.policy["latch_after_trip"].0, Value::Flag(false));
    assert_eq!(desk.leases[0]["budget_s"].0, Value::Number(0.25));
    assert_eq!(spot.values["products"].0, Value::Words(vec!["SPOT".into(), "DERIVATIVES".into()]));
    assert_eq!(spot.endpoints.as_ref().unwrap()["time_factor"].0, Value::Number(0.1));
    assert_eq!(spot.credentials["file"].0, Value::Text("/etc/killcord/bybit".into()));
}

#[test]
fn an_unknown_key_is_located_and_the_nearest_is_named() {
    assert_eq!(
        only(&GOOD.replace("heartbeat_s = 10", "heartbeats = 10")),
        "14:1 account.desk.heartbeats: is not a key here; did you mean heartbeat_s?"
    );
    assert_eq!(only(&GOOD.replace("[run]", "[runs]")), "2:2 runs: is not a key here; did you mean run?");
}

#[test]
fn a_key_of_another_venue_is_told_apart_from_an_unknown_one() {
    assert_eq!(
        only(&GOOD.replace("heartbeat_s = 10", "window_s = 10")),
        "14:1 account.desk.window_s: is not a key of a deribit account; bybit and kraken have it"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_located() {
    for (right, wrong, said) in [
        (
            "heartbeat_s = 10",
            "heartbeat_s = \"10\"",
            "14:15 account.desk.heartbeat_s = \"10\": must be a whole number, not text",
        ),
        (
            "heartbeat_s = 10",
            "heartbeat_s = -1",
            "14:15 account.desk.heartbeat_s = -1: must be a whole number from 0 to 4294967295",
        ),
        ("budget_s = 0.25", "budget_s = nan", "19:12 account.desk.lease.budget_s = nan: must be a finite number"),
        (
            "[\"SPOT\", \"DERIVATIVES\"]",
            "[\"SPOT\", 1]",
            "26:12 account.spot.products: must be an array of text, not of a whole number",
        ),
        (
            "venue = \"bybit\"",
            "venue = \"bibit\"",
            "24:9 account.spot.venue = \"bibit\": must be one of crypto_com, deribit, bybit, kraken; did you mean bybit?",
        ),
        ("socket = \"/run/killcord/killcord.sock\"", "socket = \"\"", "3:10 run.socket = \"\": must not be empty"),
        (
            "name = \"quoter\"",
            "name = \"a b\"",
            "18:8 account.desk.lease.name = \"a b\": must be 1 to 64 letters, digits, '.', '_' or '-'",
        ),
    ] {
        assert_eq!(only(&GOOD.replace(right, wrong)), said);
    }
}

#[test]
fn a_budget_no_lease_can_have_is_located() {
    for budget in ["0.001", "-1", "4000"] {
        let text = GOOD.replace("budget_s = 0.25", &format!("budget_s = {budget}"));
        assert_eq!(only(&text), format!("19:12 account.desk.lease.budget_s = {budget}: must be between 0.01 and 3600"));
    }
}

#[test]
fn what_is_missing_is_said_where_its_table_begins() {
    assert_eq!(only(&GOOD.replace("page = \"/dev/shm/quoter\"", "")), "17:1 account.desk.lease.page: is missing");
    assert_eq!(only(&GOOD.replace("venue = \"deribit\"", "")), "9:1 account.desk.venue: is missing");
    assert_eq!(
        only(&GOOD.replace("http_url = \"https://gw\",", "")),
        "27:13 account.spot.endpoints.http_url: is missing"
    );
    assert_eq!(only(""), "1:1 account: at least one [[account]] is needed");
}

#[test]
fn an_account_twice_names_the_line_of_the_first() {
    assert_eq!(
        only(&GOOD.replace("name = \"spot\"", "name = \"desk\"")),
        "23:8 account.desk.name = desk: is taken already, in line 10"
    );
    let twice = GOOD.to_owned()
        + "[[account]]\nname = \"again\"\nvenue = \"deribit\"\nenvironment = \"test\"\n\
                                   credentials = { env = \"DERIBIT\" }\n";
    assert_eq!(only(&twice), "32:23 credentials.env = DERIBIT: line 13 guards the same account already");
}

#[test]
fn bad_syntax_is_located() {
    assert!(
        only(&GOOD.replace("heartbeat_s = 10", "heartbeat_s = ")).starts_with("14:"),
        "{}",
        only(&GOOD.replace("heartbeat_s = 10", "heartbeat_s = "))
    );
    assert!(only(&GOOD.replace("heartbeat_s = 10", "name = \"x\"")).starts_with("14:1 : not TOML: duplicate key"));
    let broken = [&b"[run]\nsocket = \""[..], &[0xff, 0xfe], b"\"\n"].concat();
    assert_eq!(said(&read(&broken).unwrap_err()[0]), "2:11 : must be UTF-8");
    assert!(said(&read(&vec![b'#'; FILE_BYTES_MAX + 1]).unwrap_err()[0]).contains("at most"));
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_shown() {
    for (right, wrong) in [
        ("{ env = \"DERIBIT\" }", "{ key = \"K\", secret = \"s3cr3t-canary\" }"),
        ("{ env = \"DERIBIT\" }", "\"s3cr3t-canary\""),
        ("{ env = \"DERIBIT\" }", "{ env = \"s3cr3t-canary\" }"),
        ("heartbeat_s = 10", "api_secret = \"s3cr3t-canary\""),
        ("heartbeat_s = 10", "whatever = \"s3cr3t-canary\""),
    ] {
        let mistakes = read(GOOD.replace(right, wrong).as_bytes()).unwrap_err();
        assert!(!format!("{mistakes:?}").contains("canary"), "{mistakes:?}");
    }
    for pasted in ["Zx9w8V7u6T5s4R3q2P1o0Nmcanary", "a/b+cD3canary0000000000=="] {
        for wrong in
            [format!("heartbeat_s = \"{pasted}\""), format!("\"{pasted}\" = 1"), format!("name = \"{pasted}\"")]
        {
            let mistakes = read(GOOD.replace("heartbeat_s = 10", &wrong).as_bytes()).unwrap_err();
            assert!(!format!("{mistakes:?}").contains("canary"), "{mistakes:?}");
        }
    }
    let inline = read(GOOD.replace("{ env = \"DERIBIT\" }", "{ secret = \"x\" }").as_bytes()).unwrap_err();
    assert!(inline[0].rule.starts_with("secrets do not stand in this file"));
}

#[test]
fn exactly_one_source_of_credentials_is_taken() {
    for given in ["{ env = \"A\", file = \"b\" }", "{}"] {
        let line = only(&GOOD.replace("{ env = \"DERIBIT\" }", given));
        assert_eq!(line, "13:15 account.desk.credentials: must name exactly one source: env or file");
    }
}

#[test]
fn many_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let mistakes = read(GOOD.replace("environment", "enviroment").replace("journal", "jurnal").as_bytes()).unwrap_err();
    assert_eq!(mistakes.iter().map(|mistake| mistake.place.line).collect::<Vec<_>>(), [4, 12]);
    let hopeless: String = (0..1000).map(|number| format!("k{number} = 1\n")).collect();
    assert_eq!(read(hopeless.as_bytes()).unwrap_err().len(), MISTAKES_MAX);
}

#[test]
fn the_document_names_every_key_and_the_example_is_read() {
    let read_text = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let page = read_text("docs/configuration.md");
    let fixed = [shape::ROOT, shape::RUN, shape::POLICY, shape::CREDENTIALS, shape::ENDPOINTS, shape::LEASE];
    let shapes = fixed.iter().map(|fixed| fixed.shape()).chain([shape::account(None)]);
    let named = |key: &str| {
        page.contains(&format!("`{key}`"))
            || page.contains(&format!("[{key}]"))
            || page.contains(&format!("{{ {key} ="))
    };
    let missing: Vec<_> = shapes.flat_map(|shape| shape.fields).filter(|field| !named(field.key)).collect();
    assert_eq!(missing, []);
    assert_eq!(read(read_text("examples/killcord.toml").as_bytes()).unwrap().accounts.len(), 3);
}

#[test]
fn no_cut_or_changed_byte_makes_it_panic() {
    let bytes = GOOD.as_bytes();
    for at in 0..bytes.len() {
        let _ = read(&bytes[..at]);
        for byte in [b'"', b'[', b'{', b'\n', b'=', 0x00, 0xc3] {
            let mut changed = bytes.to_vec();
            changed[at] = byte;
            let _ = read(&changed);
        }
    }
    let _ = read("a = ".to_owned().as_bytes().iter().copied().chain([b'['; 100_000]).collect::<Vec<_>>().as_slice());
}

fn only(text: &str) -> String {
    let mistakes = read(text.as_bytes()).unwrap_err();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    said(&mistakes[0])
}

fn said(mistake: &Mistake) -> String {
    let Mistake { place, key, value, rule } = mistake;
    let given = if value.is_empty() { String::new() } else { format!(" = {value}") };
    format!("{}:{} {key}{given}: {rule}", place.line, place.column)
}
