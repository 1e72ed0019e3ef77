"""Named histories: one accident each, on real processes, with the end that it must come to.

`turnleaf sim history NAME` puts a small library on its feet, lets one thing happen that happens in
libraries, and compares what it comes to with what was promised: in the ledger's file, on the simulated tags,
in the cases that are open. Where chaos shows that nothing is lost whatever happens, a history shows what a
patron, a librarian and an operator see of one certain accident. Parts: `table` (the names, what happens, the
promised end), `house` (the library, with cables that can be cut), `ending` (what is found at the end, and its
words), and the histories themselves.
"""
