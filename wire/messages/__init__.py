"""Every message that crosses the network, as frozen pydantic models.

Unknown fields are ignored, so a newer peer may add some; a field that changes its meaning gets a new
schema number. `wire.topics` says which message stands on which topic; golden payloads of each stand
in `tests/data/golden`, so that changing one is a decision seen in review.
"""
