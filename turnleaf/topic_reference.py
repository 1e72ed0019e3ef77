"""docs/reference/topics.md, made from the table of topics and the messages' own descriptions."""

import json
from collections.abc import Iterator
from typing import Any, get_args

from wire.messages import facts, stream
from wire.messages.base import Message
from wire.topics import ROOT, TABLE, Party, Topic

_PARTY = {
    Party.STATION: "that station",
    Party.STATIONS: "every station",
    Party.CENTRAL: "central",
    Party.OPERATOR: "that operator, viewer or integrator",
    Party.SCOPE: "operators, viewers and integrators of the branch",
    Party.EVERYONE: "everyone with a certificate",
}

BODIES: tuple[type[Message], ...] = get_args(get_args(facts.Body)[0])


def rows() -> list[dict[str, Any]]:
    """Return the table for programs: one entry a topic, with JSON Schemas of its messages."""
    return [
        {
            "name": row.name,
            "topic": f"{ROOT}/{row.pattern}",
            "class": row.delivery.value,
            "qos": row.qos,
            "retain": row.retain,
            "expiry_s": row.expiry_s,
            "writes": row.writes.value,
            "reads": [party.value for party in row.reads],
            "meaning": row.meaning,
            "messages": [message_name(model) for model in row.payload],
            "schemas": {message_name(model): model.model_json_schema() for model in _models(row)},
        }
        for row in TABLE
    ]


def _models(row: Topic) -> tuple[type[Message], ...]:
    return (*row.payload, *BODIES) if stream.Entry in row.payload else row.payload


def message_name(model: type[Message]) -> str:
    """Return the schema name of a message, e.g. `status/1`; for the envelope's kinds that kind."""
    for field in ("schema_name", "kind"):
        if field in model.model_fields:
            return str(model.model_fields[field].default)
    return model.__name__


def markdown() -> str:
    """Return the reference page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Topics"
    yield ""
    yield "Made by `turnleaf topics --markdown` from `wire/topics.py`; change it there. A test holds the two"
    yield "together. Every topic is MQTT 5, over TLS, with client certificates. Unknown fields are ignored."
    yield ""
    yield "| topic | class | QoS | retained | expires | writes | reads |"
    yield "|---|---|---|---|---|---|---|"
    for row in TABLE:
        readers = ", ".join(_PARTY[party] for party in row.reads)
        yield (
            f"| [`{ROOT}/{row.pattern}`](#{row.name}) | {row.delivery.value} | {row.qos} "
            f"| {'yes' if row.retain else '–'} | {f'{row.expiry_s} s' if row.expiry_s else '–'} "
            f"| {_PARTY[row.writes]} | {readers} |"
        )
    seen: dict[str, str] = {}
    for row in TABLE:
        yield from _topic(row, seen)


def _topic(row: Topic, seen: dict[str, str]) -> Iterator[str]:
    yield ""
    yield f"## {row.name}"
    yield ""
    yield f"`{ROOT}/{row.pattern}`"
    yield ""
    yield row.meaning
    for model in row.payload:
        name = message_name(model)
        yield ""
        if name in seen:
            yield f"Message `{name}`: see [{seen[name]}](#{seen[name]})."
            continue
        seen[name] = row.name
        yield f"Message `{name}`: {_sentence(model)}"
        yield ""
        yield "| field | type | required | meaning |"
        yield "|---|---|---|---|"
        yield from _fields(model)
        if model is stream.Entry:
            yield from _bodies()


def _bodies() -> Iterator[str]:
    """What an entry's `body` may be: the facts and requests themselves."""
    for model in BODIES:
        yield ""
        yield f"Body `{message_name(model)}`: {_sentence(model)}"
        yield ""
        yield "| field | type | required | meaning |"
        yield "|---|---|---|---|"
        yield from _fields(model)


def _sentence(model: type[Message]) -> str:
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split())


def _fields(model: type[Message]) -> Iterator[str]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    required = set(schema.get("required", ()))
    yield from _rows(schema["properties"], required, definitions, "")


def _rows(
    properties: dict[str, Any], required: set[str], definitions: dict[str, Any], prefix: str
) -> Iterator[str]:
    for name, field in properties.items():
        constant = name in ("schema", "kind") and "const" in field
        must = "yes" if name in required or constant else "no"
        meaning = field.get("description", "").replace("|", "\\|")
        yield f"| `{prefix}{name}` | {_type(field, definitions)} | {must} | {meaning} |"
        inner, many = _inner(field, definitions)
        if inner is not None and prefix.count(".") < 2:
            below = f"{prefix}{name}{'[]' if many else ''}."
            yield from _rows(inner["properties"], set(inner.get("required", ())), definitions, below)


def _inner(field: dict[str, Any], definitions: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """Return the object a field holds, and whether it holds several; messages of their own are not opened."""
    many = field.get("type") == "array"
    for option in [field, *field.get("anyOf", ()), *field.get("allOf", ()), field.get("items", {})]:
        reference = option.get("$ref")
        if reference is not None:
            found = definitions[reference.rsplit("/", 1)[-1]]
            if "properties" in found and "schema" not in found["properties"]:
                return found, many
    return None, many


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return " \\| ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    if "$ref" in field:
        found = definitions[field["$ref"].rsplit("/", 1)[-1]]
        return _type(found, definitions) if "enum" in found else str(found.get("title", "object"))
    if "anyOf" in field:
        options = [_type(option, definitions) for option in field["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(options))
    kind = str(field.get("type", "any"))
    if kind == "array":
        return f"list of {_type(field.get('items', {}), definitions)}"
    limits = [
        f"{word} {field[key]}"
        for key, word in (("minimum", "≥"), ("maximum", "≤"), ("maxLength", "at most"), ("format", ""))
        if key in field and not (kind == "integer" and key == "format")
    ]
    return f"{kind}, {', '.join(limit.strip() for limit in limits)}" if limits else kind
