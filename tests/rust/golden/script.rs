//! A promise and its script: a title, then blocks of commands with remarks above them. A blank line ends a block.

use super::files::Told;
use super::sheet::Sheet;
use std::time::Duration;

/// What is promised, and what is done to show it.
#[derive(Clone, Debug)]
pub struct Promise {
    /// What the file is called.
    pub name: &'static str,
    /// The promise itself, in the words of who relies on it.
    pub title: &'static str,
    /// What is done.
    pub script: String,
}

/// Carries commands out.
pub trait Stage {
    /// Carries out a command, and puts what happens on the sheet.
    fn perform(&mut self, command: &str, sheet: &mut Sheet);
}

/// How a line begins that says that what a script waits for did not come. A trace with such a line is not a promise.
pub const NOT_SO: &str = "IT IS NOT SO";
/// The title is wrapped here.
const TITLE_WIDTH: usize = 110;

/// The whole file.
pub fn tell(folder: &str, promise: &Promise, stage: &mut dyn Stage) -> Told {
    let mut text = wrapped(promise.title);
    let script = promise.script.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    for block in script.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let mut sheet = Sheet::default();
        text.push('\n');
        for line in block.lines() {
            text.push_str(line);
            text.push('\n');
            if !line.starts_with('#') {
                stage.perform(line, &mut sheet);
            }
        }
        text.push_str("----\n");
        text.push_str(&sheet.text());
    }
    Told { folder: folder.to_owned(), name: promise.name.to_owned(), text }
}

fn wrapped(title: &str) -> String {
    let (mut text, mut width) = (String::from("#"), 1);
    for word in title.split_whitespace() {
        if width + word.chars().count() >= TITLE_WIDTH {
            text.push_str("\n#");
            width = 1;
        }
        text.push(' ');
        text.push_str(word);
        width += 1 + word.chars().count();
    }
    text.push('\n');
    text
}

/// `20s`, `250ms`, `15min`.
pub fn seconds(text: &str) -> Duration {
    let number = |unit: &str| text.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok());
    let scaled = number("ms").map(|n| n / 1e3).or_else(|| number("min").map(|n| n * 60.0)).or_else(|| number("s"));
    Duration::from_secs_f64(scaled.unwrap_or_else(|| panic!("no length of time: {text}")))
}
