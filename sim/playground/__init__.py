"""The page on which a newcomer plays: pad, card, books and gate of the demo, by hand."""
