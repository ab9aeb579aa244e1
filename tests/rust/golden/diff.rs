//! Two texts, line by line: what was, what is, and a little of what stands around it.

/// So many equal lines are shown before and after a difference.
const AROUND: usize = 3;
/// So many lines of one difference are shown.
const LINES_MAX: usize = 60;

/// One line of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// The difference as text, empty when there is none. `-` is in the file, `+` is what happened now.
pub fn diff(old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let lines = compare(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let near = |at: usize| {
        let around = at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len());
        lines[around].iter().any(|line| !matches!(line, Line::Same(_)))
    };
    let mut shown = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        match line {
            Line::Gone(text) => shown.push(format!("- {text}")),
            Line::New(text) => shown.push(format!("+ {text}")),
            Line::Same(text) if near(at) => shown.push(format!("  {text}")),
            Line::Same(_) if shown.last().is_none_or(|last| last != "  …") => shown.push("  …".to_owned()),
            Line::Same(_) => {}
        }
    }
    let left_out = shown.len().saturating_sub(LINES_MAX);
    shown.truncate(LINES_MAX);
    if left_out > 0 {
        shown.push(format!("  … and {left_out} lines more"));
    }
    shown.join("\n")
}

/// The longest common subsequence, by the table everybody knows.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let skip = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { skip };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(Line::Gone(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
    lines
}

#[test]
fn a_changed_line_is_shown_with_what_stands_around_it() {
    let old = "a\nb\nc\nd\ne\nf\ng\nh\ni";
    assert_eq!(diff(old, &old.replace('e', "E")), "  …\n  b\n  c\n  d\n- e\n+ E\n  f\n  g\n  h\n  …");
    assert_eq!(diff("a\nb", "a\nb"), "");
    assert_eq!(diff("", "a"), "+ a");
}
