"""`turnleaf topics`: the table of MQTT topics, for people, for programs, and as the reference page."""

import argparse

HELP = "Print the table of MQTT topics and their messages."
EXAMPLE = "turnleaf topics --markdown > docs/reference/topics.md"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the forms of output."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="with the JSON Schema of each message")
    form.add_argument("--markdown", action="store_true", help="the page docs/reference/topics.md")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    from turnleaf import topic_reference
    from wire.output import emit

    rows = topic_reference.rows()
    if args.markdown:
        text = topic_reference.markdown().rstrip("\n")
    else:
        wide = max(len(row["topic"]) for row in rows)
        text = "\n".join(f"{row['topic']:<{wide}}  {row['class']:<6}  {row['meaning']}" for row in rows)
    emit(rows, as_json=args.json, text=text)
    return 0
