"""Telemetry: samples of hardware health into a store, and series out of it. Loss is allowed and counted."""
