"""Other people's clients against the embedded venues."""
