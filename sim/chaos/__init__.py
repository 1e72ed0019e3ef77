"""Chaos: real stations, broker and central under every fault, and the account of each fact that was made.

`turnleaf sim chaos` lets scripted stations work on real edge.db files over real TLS links while a seeded plan
kills, cuts, slows, fills and damages; then it lets everything come to rest and compares what was made with
what the ledger holds. Parts: `plan` (what happens when, pure), `writer` (a station's process), `things` (tags
that outlive every process), `cables` (proxies in the network), `shim` (a disk and a clock that misbehave),
`judge` (the comparison, pure), `field` (all of it together).
"""
