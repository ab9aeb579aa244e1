//! Floor 6: the Python border.
