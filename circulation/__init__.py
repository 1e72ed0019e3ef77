"""The rules of lending: what is decided, and what a history comes to. Pure: no clock, no database.

`decide` answers requests, `history` folds an item's events into its state, `policy` holds what a library
chooses, `due` counts dates. Times of events are milliseconds since 1970 UTC, already corrected.
"""
