//! The configuration file for Python: what the reader found, as plain values with their places. `killcord.settings` makes
//! policies and venues of them, whose own checks then say what is out of range.

use crate::driver::settings::{self, AccountSection, Mistake, Place, Section, Settings, Value};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Line, column, key, value, rule.
type Wrong = (u32, u32, String, String, String);

/// Values, credentials, endpoints, policy, leases.
type Account<'py> =
    (Bound<'py, PyDict>, Bound<'py, PyDict>, Option<Bound<'py, PyDict>>, Bound<'py, PyDict>, Vec<Bound<'py, PyDict>>);

/// `[run]`, `[policy]`, and the accounts.
type File<'py> = (Bound<'py, PyDict>, Bound<'py, PyDict>, Vec<Account<'py>>);

/// The sections of a configuration file, or what is wrong with it. For `killcord.settings`.
#[pyfunction]
pub fn read_settings<'py>(py: Python<'py>, data: &[u8]) -> PyResult<(Option<File<'py>>, Vec<Wrong>)> {
    match settings::read(data) {
        Ok(settings) => Ok((Some(file(py, &settings)?), Vec::new())),
        Err(mistakes) => Ok((None, mistakes.into_iter().map(wrong).collect())),
    }
}

fn file<'py>(py: Python<'py>, settings: &Settings) -> PyResult<File<'py>> {
    let accounts = settings.accounts.iter().map(|each| account(py, each)).collect::<PyResult<_>>()?;
    Ok((section(py, &settings.run)?, section(py, &settings.policy)?, accounts))
}

fn account<'py>(py: Python<'py>, account: &AccountSection) -> PyResult<Account<'py>> {
    Ok((
        section(py, &account.values)?,
        section(py, &account.credentials)?,
        account.endpoints.as_ref().map(|endpoints| section(py, endpoints)).transpose()?,
        section(py, &account.policy)?,
        account.leases.iter().map(|lease| section(py, lease)).collect::<PyResult<_>>()?,
    ))
}

fn section<'py>(py: Python<'py>, section: &Section) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    for (key, (value, Place { line, column })) in section {
        match value {
            Value::Text(text) => values.set_item(key, (text, line, column))?,
            Value::Words(words) => values.set_item(key, (words, line, column))?,
            Value::Whole(number) => values.set_item(key, (number, line, column))?,
            Value::Number(number) => values.set_item(key, (number, line, column))?,
            Value::Flag(flag) => values.set_item(key, (flag, line, column))?,
        }
    }
    Ok(values)
}

fn wrong(mistake: Mistake) -> Wrong {
    let Mistake { place, key, value, rule } = mistake;
    (place.line, place.column, key, value, rule)
}
