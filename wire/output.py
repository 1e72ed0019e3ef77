"""How commands speak: text for people, one JSON document for programs."""

import json
import sys
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def emit(value: Any, *, as_json: bool, text: str) -> None:
    """Print `value` as JSON, or `text`, on standard output."""
    sys.stdout.write((json.dumps(value, default=_plain, ensure_ascii=False) if as_json else text) + "\n")
    sys.stdout.flush()
