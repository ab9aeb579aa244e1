//! The rules a machine can check, checked. Each rule is a function from source text to findings, proven able to fail
//! by tests beside it; the tests here run all of them over the whole tree. What is broken on purpose stands in
//! [`EXCEPTIONS`] with its reason, and an exception that is no longer needed fails too.
//!
//! Neighbours: `clippy.toml` bans calls by resolved name, which text cannot; `tests/python/test_tidy.py` holds Python
//! to the same lengths. What this does not check: taste.

mod documents;
mod floors;
mod lengths;
mod source;
mod words;

use source::{Finding, Source};

/// A rule broken on purpose.
struct Exception {
    rule: &'static str,
    path: &'static str,
    reason: &'static str,
}

/// Where a rule of the style is broken, and why. Empty is best.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "function length",
        path: "src/python/event.rs",
        reason: "one exhaustive match over every kind of event; cut in two, a missing kind would need a wildcard arm",
    },
    Exception {
        rule: "function length",
        path: "src/driver/journal/line.rs",
        reason: "one exhaustive match over every kind of event; cut in two, a missing kind would need a wildcard arm",
    },
    Exception {
        rule: "sleep",
        path: "src/python/departure.rs",
        reason: "that the interpreter ends is a flag of CPython's which wakes nobody: it can only be looked at again",
    },
    Exception {
        rule: "sleep",
        path: "benches/scale/main.rs",
        reason: "no test: it measures what guards use while nothing is asked of them for a given time",
    },
    Exception {
        rule: "sleep",
        path: "benches/scale/venues.rs",
        reason: "no test: the time for which restarted venues are away is what is measured",
    },
];

#[test]
fn floors_use_only_what_the_table_in_lib_rs_allows() {
    let table = floors::Table::parse(&source::read("src/lib.rs")).expect("the floor table reads");
    report(floor_findings(&table));
}

#[test]
fn files_and_functions_stay_short() {
    report(each_source(&[lengths::long_file, lengths::long_functions]));
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    report(each_source(&[words::missing_opening]));
}

#[test]
fn the_core_touches_no_world() {
    report(each_source(&[words::world_below_the_driver, words::unsafe_below_the_driver]));
}

#[test]
fn only_the_clock_file_reads_a_clock_and_nothing_sleeps() {
    report(each_source(&[words::clock_outside_the_clock_file, words::sleeps]));
}

#[test]
fn nothing_unwraps_outside_tests() {
    report(each_source(&[words::unwraps]));
}

#[test]
fn lint_allowances_carry_a_reason() {
    report(each_source(&[words::allowance_without_reason]));
}

#[test]
fn unfinished_work_is_not_called_done_and_no_text_names_a_machine() {
    report(text_findings());
}

#[test]
fn documents_name_paths_that_exist() {
    report(document_findings());
}

#[test]
fn every_dependency_has_its_paragraph() {
    let [cargo, pyproject, architecture] = ["Cargo.toml", "pyproject.toml", "docs/architecture.md"].map(source::read);
    assert_eq!(documents::dependency_paragraphs(&cargo, &pyproject, &architecture), Vec::<String>::new());
}

#[test]
fn no_exception_is_stale_and_each_has_a_reason() {
    let findings = everything();
    for exception in EXCEPTIONS {
        assert!(exception.reason.len() > 20, "{}: an exception needs a reason", exception.path);
        assert!(
            findings.iter().any(|finding| excuses(exception, finding)),
            "{} no longer breaks the rule {:?}: remove the exception",
            exception.path,
            exception.rule
        );
    }
}

#[test]
fn the_whole_tree_is_looked_at() {
    let paths: Vec<String> = source::rust_sources().into_iter().map(|source| source.path).collect();
    for floor in ["model", "parts", "venue", "session", "sim", "driver", "python"] {
        assert!(
            paths.iter().any(|path| path.starts_with(&format!("src/{floor}/"))),
            "no file of floor {floor} was read"
        );
    }
    assert!(paths.iter().any(|path| path == "tests/rust/tidy.rs"));
    assert!(source::texts().iter().any(|(path, _)| path == "README.md"));
}

type Rule = fn(&Source) -> Vec<Finding>;

const SOURCE_RULES: &[Rule] = &[
    lengths::long_file,
    lengths::long_functions,
    words::missing_opening,
    words::world_below_the_driver,
    words::unsafe_below_the_driver,
    words::clock_outside_the_clock_file,
    words::sleeps,
    words::unwraps,
    words::allowance_without_reason,
];

fn everything() -> Vec<Finding> {
    let table = floors::Table::parse(&source::read("src/lib.rs")).expect("the floor table reads");
    let mut findings = each_source(SOURCE_RULES);
    findings.extend(floor_findings(&table));
    findings.extend(text_findings());
    findings.extend(document_findings());
    findings
}

fn each_source(rules: &[Rule]) -> Vec<Finding> {
    source::rust_sources().iter().flat_map(|source| rules.iter().flat_map(|rule| rule(source))).collect()
}

fn floor_findings(table: &floors::Table) -> Vec<Finding> {
    let sources = source::rust_sources();
    let dialects = floors::dialects(&sources);
    sources.iter().flat_map(|source| floors::wrong_uses(source, table, &dialects)).collect()
}

fn text_findings() -> Vec<Finding> {
    let texts = source::texts();
    texts.iter().flat_map(|(path, text)| words::forbidden_words(path, text)).collect()
}

fn document_findings() -> Vec<Finding> {
    let texts = source::texts();
    texts.iter().flat_map(|(path, text)| documents::missing_paths(path, text, source::exists)).collect()
}

fn excuses(exception: &Exception, finding: &Finding) -> bool {
    exception.rule == finding.rule && exception.path == finding.path
}

fn report(findings: Vec<Finding>) {
    let left: Vec<String> = findings
        .iter()
        .filter(|finding| !EXCEPTIONS.iter().any(|exception| excuses(exception, finding)))
        .map(|finding| format!("{}:{}: {}: {}", finding.path, finding.line, finding.rule, finding.what))
        .collect();
    assert!(left.is_empty(), "\n{}\n", left.join("\n"));
}
