//! `killcord.Credentials`: a key pair that Python can carry about but not look into. The secret is handed over once and
//! lives here; there is no attribute, repr, pickle or `__dict__` that leads back to it.

use super::departure::detach;
use super::{core_file, errors};
use crate::model::{self, Secret};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A key pair for one account. Its secret cannot be read back: not printed, not pickled, not compared.
///
/// Make one with `from_env`, `from_file`, `from_fd` or `values`.
#[pyclass(frozen, module = "killcord")]
pub struct Credentials(model::Credentials);

impl Credentials {
    /// What a dialect needs.
    pub fn model(&self) -> model::Credentials {
        self.0.clone()
    }
}

#[pymethods]
impl Credentials {
    /// Reads `<name>_KEY`, `<name>_SECRET` and, when it is set, `<name>_OTP` from the environment.
    ///
    /// Raises `ConfigError` naming the variable that is missing or unusable.
    #[staticmethod]
    fn from_env(py: Python<'_>, name: &str) -> PyResult<Self> {
        let (key_name, secret_name, otp_name) =
            (format!("{name}_KEY"), format!("{name}_SECRET"), format!("{name}_OTP"));
        let key = required_variable(py, &key_name)?;
        let secret = required_variable(py, &secret_name)?;
        let otp = variable(py, &otp_name)?;
        Self::checked(py, &key, Secret::new(secret), otp.map(Secret::new))
    }

    /// Reads a file: a JSON object with `key`, `secret` and optionally `otp`, or lines `KEY=…`, `SECRET=…`, `OTP=…`.
    ///
    /// Raises `ConfigError` naming path and mode when group or others can read it, when it is a symbolic link, not a
    /// regular file, or owned by somebody else; and naming the place when it cannot be understood.
    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let shown = path.display().to_string();
        let text = detach(py, || read_private(&path)).map_err(|rule| file_error(py, &shown, &rule))?;
        Self::parsed(py, &shown, &text)
    }

    /// Reads an inherited file descriptor to its end, in the formats of `from_file`. The descriptor stays open.
    ///
    /// Raises `ConfigError` when it cannot be read or understood.
    #[staticmethod]
    fn from_fd(py: Python<'_>, fd: i32) -> PyResult<Self> {
        let shown = format!("descriptor {fd}");
        if fd < 0 {
            return Err(file_error(py, &shown, "must not be negative"));
        }
        let text = detach(py, || read_descriptor(fd)).map_err(|rule| file_error(py, &shown, &rule))?;
        Self::parsed(py, &shown, &text)
    }

    /// Takes the values themselves. Prefer the other three: text in a program tends to be copied.
    ///
    /// Raises `ConfigError` when one is empty or holds characters that no venue uses.
    #[staticmethod]
    #[pyo3(signature = (*, key, secret, otp = None))]
    fn values(py: Python<'_>, key: &str, secret: String, otp: Option<String>) -> PyResult<Self> {
        Self::checked(py, key, Secret::new(secret), otp.map(Secret::new))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("credentials cannot be pickled or copied: the secret stays in this process"))
    }
}

impl Credentials {
    fn parsed(py: Python<'_>, shown: &str, text: &str) -> PyResult<Self> {
        let found = parse(text).map_err(|rule| file_error(py, shown, &rule))?;
        Self::checked(py, &found.key, found.secret, found.otp)
    }

    fn checked(py: Python<'_>, key: &str, secret: Secret, otp: Option<Secret>) -> PyResult<Self> {
        [Some(&secret), otp.as_ref()].into_iter().flatten().for_each(core_file::keep_out);
        model::Credentials::new(key, secret, otp).map(Self).map_err(|error| errors::config_error(py, &error))
    }
}

/// More than any key file holds; bounds what a wrong path can make us read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

fn variable(py: Python<'_>, name: &str) -> PyResult<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(errors::config_refusal(py, name, "[hidden]", "the environment variable must be UTF-8"))
        }
    }
}

fn required_variable(py: Python<'_>, name: &str) -> PyResult<String> {
    match variable(py, name)? {
        Some(value) if !value.is_empty() => Ok(value),
        Some(_) => Err(errors::config_refusal(py, name, "[empty]", "the environment variable must not be empty")),
        None => Err(errors::config_refusal(py, name, "[unset]", "the environment variable must be set")),
    }
}

fn file_error(py: Python<'_>, shown: &str, rule: &str) -> PyErr {
    errors::config_refusal(py, "credentials", shown, rule)
}

/// Opens without following a link, and judges the file that was opened rather than the path, so that nobody can swap it
/// in between.
fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    let open = File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = open.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => "must not be a symbolic link".to_owned(),
        _ => format!("cannot be opened: {error}"),
    })?;
    let about = file.metadata().map_err(|error| format!("cannot be examined: {error}"))?;
    let mode = about.mode() & 0o7777;
    if !about.is_file() {
        return Err("must be a regular file".into());
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("must belong to the user running this; it belongs to uid {}", about.uid()));
    }
    if mode & 0o077 != 0 {
        return Err(format!("has mode {mode:04o}; group and others must have no access, as after chmod 600"));
    }
    read_text(file)
}

fn read_descriptor(fd: i32) -> Result<Zeroizing<String>, String> {
    // SAFETY: `fd` is not negative, and the borrow ends with the statement; a descriptor that is not open is an error
    // of the call, not undefined behaviour.
    let own = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned();
    read_text(File::from(own.map_err(|error| format!("cannot be used: {error}"))?))
}

fn read_text(file: File) -> Result<Zeroizing<String>, String> {
    // Reserved at once, so that growing leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize + 1));
    let length = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => "must be UTF-8".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    if length as u64 > FILE_BYTES_MAX {
        return Err(format!("is larger than {FILE_BYTES_MAX} bytes"));
    }
    Ok(text)
}

struct Found {
    key: String,
    secret: Secret,
    otp: Option<Secret>,
}

fn parse(text: &str) -> Result<Found, String> {
    let mut fields = if text.trim_start().starts_with('{') { parse_json(text)? } else { parse_lines(text)? };
    let key = fields.key.take().ok_or("holds no key")?;
    let secret = fields.secret.take().ok_or("holds no secret")?;
    Ok(Found { key, secret: Secret::new(secret), otp: fields.otp.take().map(Secret::new) })
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    key: Option<String>,
    secret: Option<String>,
    otp: Option<String>,
}

/// The position is told, the text is not: serde's own message may quote it.
fn parse_json(text: &str) -> Result<Fields, String> {
    serde_json::from_str(text).map_err(|error| {
        format!(
            "is not a JSON object of strings named key, secret and otp (line {}, column {})",
            error.line(),
            error.column()
        )
    })
}

fn parse_lines(text: &str) -> Result<Fields, String> {
    let mut fields = Fields::default();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(format!("line {number} is not NAME=value"))?;
        let slot = match name.trim().to_ascii_lowercase().as_str() {
            "key" => &mut fields.key,
            "secret" => &mut fields.secret,
            "otp" => &mut fields.otp,
            _ => return Err(format!("line {number} names something other than KEY, SECRET or OTP")),
        };
        if slot.replace(value.trim().to_owned()).is_some() {
            return Err(format!("line {number} repeats a name"));
        }
    }
    Ok(fields)
}
