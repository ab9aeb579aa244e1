//! Lengths: a file under 400 lines without its tests, a function under 60. Longer ones are split by concept, not by
//! moving the end of the file elsewhere. Tests may be as long as they need.

use super::source::{Finding, Source, closing, line_of, word_offsets};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 60;

/// Counts every line that is not inside a test, comments and blank lines included: a reader scrolls past them too.
pub fn long_file(source: &Source) -> Vec<Finding> {
    let in_tests = |from: usize, to: usize| line_of(&source.text, to) - line_of(&source.text, from) + 1;
    let tests: usize = source.tests.iter().map(|(from, to)| in_tests(*from, *to)).sum();
    let lines = source.text.lines().count().saturating_sub(tests);
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![source.finding("file length", 0, format!("{lines} lines without tests, {FILE_LINES_MAX} at most"))]
}

pub fn long_functions(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in word_offsets(&source.live, "fn") {
        let Some((name, open)) = body(&source.live, at) else { continue };
        let lines = line_of(&source.text, closing(&source.live, open)) + 1 - line_of(&source.text, at);
        if lines > FUNCTION_LINES_MAX {
            findings.push(source.finding(
                "function length",
                at,
                format!("{name}: {lines} lines, {FUNCTION_LINES_MAX} at most"),
            ));
        }
    }
    findings
}

/// The name of the function whose `fn` is at `at`, and the offset of its opening brace; `None` for a function pointer
/// and for a declaration without a body.
fn body(code: &str, at: usize) -> Option<(&str, usize)> {
    let rest = &code[at + 2..];
    let name_at = rest.find(|c: char| !c.is_whitespace())?;
    let name_end = rest[name_at..].find(|c: char| !c.is_alphanumeric() && c != '_')? + name_at;
    if name_end == name_at {
        return None;
    }
    let mut offset = at + 2 + name_end;
    loop {
        match code.as_bytes().get(offset)? {
            b'{' => return Some((&rest[name_at..name_end], offset)),
            b';' => return None,
            b'(' | b'[' => offset = closing(code, offset) + 1,
            _ => offset += 1,
        }
    }
}

mod proof {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("src/model/a.rs", text)
    }

    #[test]
    fn a_file_of_401_lines_is_too_long_and_one_of_400_is_not() {
        assert_eq!(long_file(&source(&"const A: u8 = 1;\n".repeat(401))).len(), 1);
        assert!(long_file(&source(&"const A: u8 = 1;\n".repeat(400))).is_empty());
    }

    #[test]
    fn tests_do_not_count_and_comments_do() {
        let tests = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "// c\nfn b() {}\n\n".repeat(500));
        assert!(long_file(&source(&tests)).is_empty());
        assert_eq!(long_file(&source(&format!("fn a() {{}}\n{}", "// words\n".repeat(401)))).len(), 1);
    }

    #[test]
    fn a_function_of_61_lines_is_too_long_and_one_of_60_is_not() {
        let function = |lines: usize| format!("impl A {{\n    fn long(\n{}    }}\n}}\n", function_tail(lines - 1));
        assert_eq!(long_functions(&source(&function(61))).len(), 1);
        assert!(long_functions(&source(&function(60))).is_empty());
    }

    fn function_tail(lines: usize) -> String {
        format!("        a: [u8; 4],\n    ) {{\n{}", "        b();\n".repeat(lines - 3))
    }

    #[test]
    fn a_function_pointer_and_a_declaration_have_no_length() {
        let text =
            format!("type A = fn(u8) -> u8;\ntrait B {{ fn c(&self); }}\nstruct D {{\n{}}}", "    e: u8,\n".repeat(80));
        assert!(long_functions(&source(&text)).is_empty());
    }
}
