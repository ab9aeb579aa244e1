//! What the documents say about the tree is so: paths they name exist, links lead somewhere, and every dependency has
//! its paragraph. Not here: numbers (`tests/rust/promises.rs`) and examples (`tests/python`).

use super::source::{Finding, line_of};

const FOLDERS: &[&str] = &["src/", "tests/", "docs/", "examples/", "python/", "benches/", "requirements/", ".ci/"];

/// Paths in backticks, and the targets of relative links. A path with `*` or `<` in it is a pattern, not a path.
pub fn missing_paths(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    if !path.ends_with(".md") {
        return Vec::new();
    }
    let is_path = |word: &str| FOLDERS.iter().any(|folder| word.starts_with(folder)) && !word.contains(['*', '<', ' ']);
    let quoted = between(text, "`", "`").into_iter().filter(|(_, word)| is_path(word));
    let quoted = quoted.map(|(at, word)| (at, word.trim_end_matches('/').to_owned()));
    let linked = between(text, "](", ")").into_iter().filter(|(_, target)| !target.contains(':'));
    let linked = linked.map(|(at, target)| (at, beside(path, target.split('#').next().unwrap_or(target))));
    let missing = quoted.chain(linked).filter(|(_, target)| !target.is_empty() && !exists(target));
    let finding = |(at, target)| Finding {
        rule: "document path",
        path: path.to_owned(),
        line: line_of(text, at),
        what: format!("names {target}, which does not exist"),
    };
    missing.map(finding).collect()
}

/// Dependencies without a bold name in the section `## Dependencies`, and bold names there that are none.
pub fn dependency_paragraphs(cargo: &str, pyproject: &str, architecture: &str) -> Vec<String> {
    let section = architecture.split_once("## Dependencies").map_or("", |(_, section)| section);
    let explained: Vec<&str> = between(section, "**", "**").into_iter().map(|(_, name)| name).collect();
    let used: Vec<String> = cargo_dependencies(cargo).into_iter().chain(python_dependencies(pyproject)).collect();
    let unexplained = used.iter().filter(|name| !explained.contains(&name.as_str()));
    let gone = explained.iter().filter(|name| !used.iter().any(|used| used == *name));
    unexplained
        .map(|name| format!("{name} has no paragraph"))
        .chain(gone.map(|name| format!("{name} has a paragraph and is not a dependency")))
        .collect()
}

/// The stretches between an opening and the next closing mark on the same line, with their offsets.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<(usize, &'a str)> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(start) = text[from..].find(open).map(|at| from + at + open.len()) {
        match text[start..].find(close).map(|at| start + at) {
            Some(end) if !text[start..end].contains('\n') => {
                found.push((start, &text[start..end]));
                from = end + close.len();
            }
            _ => from = start,
        }
    }
    found
}

/// A link's target as a path from the root, for a document in `docs/` or in the root.
fn beside(path: &str, target: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match target.strip_prefix("../") {
        Some(target) => target.to_owned(),
        None if folder.is_empty() || target.is_empty() => target.to_owned(),
        None => format!("{folder}/{target}"),
    }
}

fn cargo_dependencies(cargo: &str) -> Vec<String> {
    let mut names = Vec::new();
    for section in ["[dependencies]", "[dev-dependencies]"] {
        let body = cargo.split_once(section).map_or("", |(_, rest)| rest.split("\n[").next().unwrap_or(""));
        let lines = body.lines().filter(|line| !line.trim_start().starts_with('#'));
        names.extend(lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.trim().to_owned()));
    }
    names
}

fn python_dependencies(pyproject: &str) -> Vec<String> {
    let build = pyproject.lines().filter(|line| line.starts_with("requires = "));
    let extras = pyproject.split_once("[project.optional-dependencies]").map_or("", |(_, rest)| rest);
    let extras = extras.split("\n[").next().unwrap_or("").lines();
    let requirements = build.chain(extras).flat_map(|line| between(line, "\"", "\""));
    let name = |requirement: &str| requirement.split(['>', '=', '<', '[', ';', ' ']).next().unwrap_or("").to_owned();
    requirements.map(|(_, requirement)| name(requirement)).collect()
}

mod proof {
    use super::*;

    #[test]
    fn a_path_that_does_not_exist_is_found_in_quotes_and_in_links() {
        let text = "See `src/lib.rs`, `src/gone.rs`, [a](promises.md), [b](gone.md#part), [c](https://example.org/x).";
        let exists = |path: &str| ["src/lib.rs", "docs/promises.md"].contains(&path);
        let found = missing_paths("docs/a.md", text, exists);
        let named: Vec<&str> = found.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(named, ["names src/gone.rs, which does not exist", "names docs/gone.md, which does not exist"]);
    }

    #[test]
    fn a_pattern_is_not_a_path_and_a_document_in_the_root_links_from_there() {
        assert!(missing_paths("README.md", "`src/venue/<venue>/facts.rs` `src/*`", |_| false).is_empty());
        assert_eq!(missing_paths("README.md", "[a](docs/gone.md)", |_| false).len(), 1);
        assert!(missing_paths("docs/a.md", "[a](../README.md)", |path| path == "README.md").is_empty());
    }

    #[test]
    fn a_dependency_without_a_paragraph_and_a_paragraph_without_a_dependency_are_found() {
        let cargo =
            "[dependencies]\nserde = { version = \"1\" }\n# why\nhmac = \"0.12\"\n\n[lints.rust]\nother = \"warn\"\n";
        let pyproject = "[build-system]\nrequires = [\"maturin>=1,<2\"]\n[project.optional-dependencies]\ncli = [\"typer>=0.15\"]\n";
        let said = "**bold** before\n## Dependencies\n**serde** reads, **maturin** builds, **gone** was.\n";
        assert_eq!(
            dependency_paragraphs(cargo, pyproject, said),
            ["hmac has no paragraph", "typer has no paragraph", "gone has a paragraph and is not a dependency"]
        );
    }
}
