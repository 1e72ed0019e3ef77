"""The word to the service manager that a daemon works (sd_notify), without a library for one datagram."""

import os
import socket


def notify_ready() -> None:
    """Say READY=1 on NOTIFY_SOCKET, when there is one (systemd, Type=notify)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect("\0" + address[1:] if address.startswith("@") else address)
        notify.send(b"READY=1")
