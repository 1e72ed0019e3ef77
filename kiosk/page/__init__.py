"""The kiosk's page: a small web server for one screen, on loopback, that shows what `kiosk.view` says."""
