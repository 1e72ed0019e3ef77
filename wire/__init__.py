"""What crosses the network: topics, messages, codec, the MQTT link, the outbox.

Everything two parts of Turnleaf must agree on stands here and nowhere else. Applications
(kiosk, central, monitor) meet in this package and never import one another.
"""
