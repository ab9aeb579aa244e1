//! Source files as the rules see them: the text, the code (comments and the insides of literals blanked out), and the
//! live code (tests blanked out as well). Blanking keeps every newline and every offset, so that a finding has a line.
//! This is a scanner, not a parser: it knows comments, literals, attributes and brackets, and nothing else of Rust.

use std::fs;
use std::path::{Path, PathBuf};

/// One rule broken in one place.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static str,
    pub path: String,
    pub line: usize,
    pub what: String,
}

/// One Rust file.
pub struct Source {
    /// From the root of the repository, with forward slashes.
    pub path: String,
    pub text: String,
    /// Comments and the insides of literals are spaces.
    pub code: String,
    /// `code` without tests: items under `#[cfg(test)]`, and whole files that hold nothing but tests.
    pub live: String,
    /// Where the tests are: ranges of offsets, in order.
    pub tests: Vec<(usize, usize)>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank_comments_and_literals(text);
        let tests = if is_test_file(path) { vec![(0, code.len())] } else { test_items(&code) };
        let live = without(&code, &tests);
        Self { path: path.to_owned(), text: text.to_owned(), code, live, tests }
    }

    /// A file that is reached only through `#[cfg(test)] mod name;`.
    fn into_tests(self) -> Self {
        let tests = vec![(0, self.code.len())];
        Self { live: without(&self.code, &tests), tests, ..self }
    }

    /// The floor this file belongs to: the folder (or file) under `src`; `None` for the map and for `tests/`.
    pub fn floor(&self) -> Option<&str> {
        let below = self.path.strip_prefix("src/")?;
        let name = below.split('/').next().unwrap_or(below).trim_end_matches(".rs");
        (name != "lib").then_some(name)
    }

    pub fn finding(&self, rule: &'static str, offset: usize, what: impl Into<String>) -> Finding {
        Finding { rule, path: self.path.clone(), line: line_of(&self.text, offset), what: what.into() }
    }
}

/// Every Rust file of the crate and of this test binary.
pub fn rust_sources() -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for folder in ["src", "tests/rust", "benches"] {
        for path in files_below(folder, &["rs"]) {
            sources.push(Source::new(&path, &read(&path)));
        }
    }
    let of_tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    let below = |path: &str, stem: &str| path == format!("{stem}.rs") || path.starts_with(&format!("{stem}/"));
    let is_of_tests = |source: &Source| of_tests.iter().any(|stem| below(&source.path, stem));
    sources.into_iter().map(|source| if is_of_tests(&source) { source.into_tests() } else { source }).collect()
}

/// Every text file that people read, with its path.
pub fn texts() -> Vec<(String, String)> {
    let folders = ["src", "tests", "benches", "python", "examples", "docs", ".ci", "requirements"];
    let endings = ["rs", "py", "pyi", "md", "txt", "toml", "run"];
    let mut paths: Vec<String> = folders.iter().flat_map(|folder| files_below(folder, &endings)).collect();
    paths.extend(files_in_root());
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn exists(path: &str) -> bool {
    root().join(path).exists()
}

pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The offsets at which `word` stands alone, not as a part of a longer name.
pub fn word_offsets(code: &str, word: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let stands_alone = |at: usize| {
        let before = at.checked_sub(1).map(|i| bytes[i]);
        let after = bytes.get(at + word.len()).copied();
        !before.is_some_and(is_name_byte) && !after.is_some_and(is_name_byte)
    };
    code.match_indices(word).map(|(at, _)| at).filter(|at| stands_alone(*at)).collect()
}

pub fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The offset of the bracket that closes the one at `open`; the end of the text when there is none.
pub fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    code.len()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_in_root() -> Vec<String> {
    let listing = fs::read_dir(root()).expect("the root of the repository is readable");
    let names = listing.map(|entry| entry.expect("an entry of the root is readable").file_name());
    let kept = |name: &String| name.ends_with(".md") || name.ends_with(".toml") || name == "Makefile";
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).filter(kept).collect();
    names.sort();
    names
}

fn files_below(folder: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(listing) = fs::read_dir(&folder) else { continue };
        for entry in listing {
            let path = entry.expect("an entry of a folder is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| ends_with(&path, ending)) {
                found.push(relative(&path));
            }
        }
    }
    found.sort();
    found
}

/// `run` has no ending; it is `.ci/run` itself.
fn ends_with(path: &Path, ending: &str) -> bool {
    path.extension().map_or_else(|| path.ends_with(ending), |found| found == ending)
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("every path was made by joining to the root");
    path.to_string_lossy().replace('\\', "/")
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn without(code: &str, ranges: &[(usize, usize)]) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for (from, to) in ranges {
        blank_range(&mut bytes, *from, *to);
    }
    String::from_utf8(bytes).expect("items are blanked whole, so no character is cut")
}

fn blank_range(bytes: &mut [u8], from: usize, to: usize) {
    for byte in &mut bytes[from..to] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn blank_comments_and_literals(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (from, to) = match skippable(text.as_bytes(), at) {
            Some(range) => range,
            None => {
                at += 1;
                continue;
            }
        };
        blank_range(&mut bytes, from, to);
        at = to.max(at + 1);
    }
    String::from_utf8(bytes).expect("comments and literals are blanked whole, so no character is cut")
}

/// When a comment or a literal begins here: the range to blank, and with it where to go on.
fn skippable(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return Some((at, at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())));
    }
    if rest.starts_with(b"/*") {
        return Some((at, block_comment_end(bytes, at)));
    }
    if rest[0] == b'"' {
        return Some((at, string_end(bytes, at)));
    }
    if rest[0] == b'r' && !at.checked_sub(1).is_some_and(|before| is_name_byte(bytes[before]) && bytes[before] != b'b')
    {
        return raw_string_end(bytes, at).map(|end| (at, end));
    }
    if rest[0] == b'\'' {
        return char_end(bytes, at).map(|end| (at, end));
    }
    None
}

fn block_comment_end(bytes: &[u8], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw_string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let hashes = bytes[from + 1..].iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(from + 1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    let body = from + 2 + hashes;
    let found = bytes[body..].windows(close.len()).position(|window| window == close);
    Some(found.map_or(bytes.len(), |found| body + found + close.len()))
}

/// A character literal; `None` for a lifetime or a label.
fn char_end(bytes: &[u8], from: usize) -> Option<usize> {
    let first = *bytes.get(from + 1)?;
    if first == b'\\' {
        let close = bytes[from + 3..].iter().position(|byte| *byte == b'\'')?;
        return Some(from + 3 + close + 1);
    }
    let width = match first {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    (bytes.get(from + 1 + width) == Some(&b'\'')).then_some(from + width + 2)
}

/// The items under `#[cfg(test)]`, attributes included.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    for (at, _) in code.match_indices("[cfg(") {
        let inside = &code[at + 5..closing(code, at + 4)];
        if !word_offsets(inside, "test").is_empty() && !inside.contains("not(test)") {
            let whole_file = code[..at].ends_with("#!");
            let end = if whole_file { code.len() } else { item_end(code, closing(code, at) + 1) };
            ranges.push((at.saturating_sub(1), end));
        }
    }
    ranges
}

/// The files, without ending, that this one declares as `#[cfg(test)] mod name;`.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = match source.path.strip_suffix("/mod.rs").or(source.path.strip_suffix("/lib.rs")) {
        Some(folder) => folder,
        None => source.path.trim_end_matches(".rs"),
    };
    let is_declared = |at: &usize| source.live[*at..].starts_with("   ");
    let names = word_offsets(&source.code, "mod").into_iter().filter(is_declared);
    let names = names.map(|at| source.code[at + 3..].trim_start());
    let names = names.filter_map(|rest| rest.split_once(';')).map(|(name, _)| name.trim_end());
    names.filter(|name| name.bytes().all(is_name_byte)).map(|name| format!("{folder}/{name}")).collect()
}

/// The end of the item that starts at or after `from`, its other attributes included.
fn item_end(code: &str, from: usize) -> usize {
    let bytes = code.as_bytes();
    let mut at = from;
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        if !code[at..].starts_with("#[") {
            break;
        }
        at = closing(code, at + 1) + 1;
    }
    let ends_with_semicolon = ["use ", "pub use ", "const ", "static ", "type ", "let "];
    let ends_with_semicolon = ends_with_semicolon.iter().any(|start| code[at..].starts_with(start));
    while at < bytes.len() {
        match bytes[at] {
            b';' => return at + 1,
            b'{' if !ends_with_semicolon => return (closing(code, at) + 1).min(code.len()),
            b'(' | b'[' | b'{' => at = closing(code, at) + 1,
            _ => at += 1,
        }
    }
    code.len()
}

mod proof {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let text =
            "let a = \"HashMap \\\" x\"; // HashMap\n/* HashMap /* nested */ HashMap */ let c = 'H'; r#\"HashMap\"#;";
        let code = Source::new("src/model/a.rs", text).code;
        assert!(!code.contains("HashMap"), "{code}");
        assert!(code.contains("let c ="), "{code}");
        assert_eq!(code.len(), text.len());
    }

    #[test]
    fn a_quote_in_a_character_does_not_open_a_string() {
        let code =
            Source::new("src/model/a.rs", "let q = '\"'; let e = '\\''; let n = HashMap; fn f<'a>(x: &'a str) {}").code;
        assert!(code.contains("HashMap") && code.contains("'a str"), "{code}");
    }

    #[test]
    fn byte_strings_and_raw_byte_strings_are_literals() {
        let code = Source::new("src/model/a.rs", "b\"HashMap\"; br#\"HashMap\"#; let r#type = keep;").code;
        assert!(!code.contains("HashMap") && code.contains("keep"), "{code}");
    }

    #[test]
    fn tests_are_not_live_and_what_follows_them_is() {
        let text = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn b() { {} } }\n#[cfg(test)]\nuse c::{d, e};\nfn f() {}";
        let live = Source::new("src/model/a.rs", text).live;
        assert!(live.contains("fn a") && live.contains("fn f"), "{live}");
        assert!(!live.contains("fn b") && !live.contains("c::"), "{live}");
    }

    #[test]
    fn code_that_is_left_out_of_tests_is_live() {
        assert!(Source::new("src/model/a.rs", "#[cfg(not(test))]\nfn a() {}").live.contains("fn a"));
        assert!(Source::new("src/model/a.rs", "#[cfg(feature = \"test\")]\nfn a() {}").live.contains("fn a"));
    }

    #[test]
    fn a_file_of_tests_has_no_live_code() {
        assert!(Source::new("src/parts/lease/tests.rs", "fn a() {}").live.trim().is_empty());
    }

    #[test]
    fn a_module_declared_for_tests_is_known_by_its_files() {
        let declared = |path| {
            test_modules(&Source::new(path, "mod a;\n#[cfg(test)]\nmod proofs;\n#[cfg(test)]\nmod t { mod u {} }"))
        };
        assert_eq!(declared("src/parts/mod.rs"), vec!["src/parts/proofs"]);
        assert_eq!(declared("src/parts/lease.rs"), vec!["src/parts/lease/proofs"]);
    }

    #[test]
    fn a_word_is_not_found_inside_a_longer_one() {
        assert_eq!(word_offsets("unsafe_code unsafe", "unsafe"), vec![12]);
    }
}
