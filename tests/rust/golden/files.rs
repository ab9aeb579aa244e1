//! The files under `tests/golden`: compared with what was told, or, when `KILLCORD_GOLDEN=rewrite` says so, written anew.

use super::diff::diff;
use super::script::NOT_SO;
use std::fs;
use std::path::{Path, PathBuf};

/// One promise as it was told now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The venue or the part.
    pub folder: String,
    /// The promise, which is also the name of the file.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// No line is wider: it is read side by side with its diff.
const WIDTH_MAX: usize = 160;

/// Every promise is told as its file tells it.
pub fn check(told: Vec<Told>) {
    let mut findings = Vec::new();
    for one in told {
        findings.extend(unfit(&one));
        let path = root().join("tests/golden").join(&one.folder).join(format!("{}.txt", one.name));
        if rewrites() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &one.text).unwrap();
            continue;
        }
        let name = format!("tests/golden/{}/{}.txt", one.folder, one.name);
        match fs::read_to_string(&path) {
            Ok(text) if text == one.text => {}
            Ok(text) => {
                findings.push(format!("{name} tells it differently (- the file, + now):\n{}", diff(&text, &one.text)))
            }
            Err(_) => findings.push(format!("{name} does not exist")),
        }
    }
    let hint = "`make golden` writes the traces anew; then read their diff: it is what changed for a trader";
    assert!(findings.is_empty(), "{}\n\n{hint}\n", findings.join("\n\n"));
}

/// Every file is one of these.
pub fn check_none_is_left(names: &[(String, String)]) {
    let golden = root().join("tests/golden");
    let mut strange = Vec::new();
    for folder in entries(&golden) {
        let folder_name = name_of(&folder);
        for file in if folder.is_dir() { entries(&folder) } else { vec![folder.clone()] } {
            let known = names.iter().any(|(of, name)| *of == folder_name && name_of(&file) == format!("{name}.txt"));
            if !known && rewrites() && file.extension().is_some_and(|ending| ending == "txt") {
                fs::remove_file(&file).unwrap();
            } else if !known {
                strange.push(file.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    assert!(strange.is_empty(), "no promise writes these (`make golden` removes them): {strange:#?}");
}

/// The names of the modules in a folder of the sources.
pub fn modules(folder: &str) -> Vec<String> {
    let files = entries(&root().join(folder)).into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs"));
    files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).filter(|name| name != "mod").collect()
}

/// What no trace may hold, whatever it tells: something secret, something unreadable.
fn unfit(one: &Told) -> Vec<String> {
    let about = |what: &str, line: &str| format!("{}/{}: {what}: {line}", one.folder, one.name);
    let mut findings = Vec::new();
    for line in one.text.lines() {
        if line.chars().count() > WIDTH_MAX {
            findings.push(about("too wide", line));
        }
        if line.split(|c: char| !c.is_ascii_alphanumeric()).any(is_unreadable) {
            findings.push(about("a key, a token or a signature", line));
        }
        if line.contains(NOT_SO) {
            findings.push(about("what the script waits for does not come", line));
        }
        if line.trim_end() != line {
            findings.push(about("blanks at the end", line));
        }
    }
    findings
}

/// Random characters: long, with digits among the letters.
fn is_unreadable(word: &str) -> bool {
    word.len() > 20 && word.chars().any(|c| c.is_ascii_digit()) && word.chars().any(|c| c.is_ascii_alphabetic())
}

fn rewrites() -> bool {
    std::env::var("KILLCORD_GOLDEN").is_ok_and(|value| value == "rewrite")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn what_looks_secret_does_not_pass() {
    let told = |text: &str| Told { folder: "a".into(), name: "b".into(), text: text.into() };
    assert_eq!(unfit(&told("0.000  say  order 6530219581917421 kc7 GBEBY-PHBYP")), Vec::<String>::new());
    assert_eq!(unfit(&told("sig=8f14e45fceea167a5a36dedd4bea2543")).len(), 1);
    assert_eq!(unfit(&told("token a2lsbGNvcmQtc2ltdWxhdGlvbi1zZWNyZXQ=")).len(), 1);
    assert_eq!(unfit(&told("trailing ")).len(), 1);
    assert_eq!(unfit(&told(&format!("{NOT_SO}: armed"))).len(), 1);
}
