"""The rules of lending: what is decided, and what a history comes to. Pure: no clock, no database.

`decide` answers requests to lend and renew, `hold_requests` those to wait for something. `holds` says for
whom an item is kept, `fees` what is owed, `blocks` what stands against a patron, `calendar` when a branch
opens. `history` folds an item's events into its state, `policy` holds what a library chooses, `due` counts
dates.

Times of events are milliseconds since 1970 UTC, already corrected; days are local dates of a branch; amounts
are minor units of one currency (`money`).
"""
