"""The station that speaks for foreign sensors: it keeps what they say raw, and tells what a mapping reads."""
