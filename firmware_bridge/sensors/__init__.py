"""Foreign sensors: what speaks plain MQTT or Modbus/TCP already, brought into samples by a mapping."""
