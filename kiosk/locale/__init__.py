"""Catalogues of the screen's words; `python -m kiosk.locale.make` brings them up to date."""
