"""`turnleaf tag decode|encode`: what stands on an item tag, field by field, and the bytes for a new one."""

import argparse
import sys
from typing import Any

from firmware_bridge.tags.danish import BASIC_SHORT, BasicBlock, NotDanish, decode_block, encode_block
from wire.output import emit

HELP = "Decode and encode item tags."
EXAMPLE = "turnleaf tag decode 11010131313232333334340000000000000000513e4445373035000000000000"


def declare(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare `decode` and `encode`, which need no pad."""
    decode = sub.add_parser(
        "decode",
        help="explain the bytes of a tag",
        epilog=f"Example: {EXAMPLE}. Exit code 1: the bytes are no intact ISO 28560-3 tag.",
    )
    decode.add_argument("hex", help="the tag's memory from block 0 on, spaces ignored; - reads from input")
    decode.add_argument("--block-size", type=int, default=4, help="bytes in a block of the tag (4)")
    decode.add_argument("--json", action="store_true", help="one JSON object")
    encode = sub.add_parser(
        "encode",
        help="make the bytes for a tag",
        epilog="Example: turnleaf tag encode --item 30000001 --owner DK-718500 --parts 2 --part 1",
    )
    encode.add_argument("--item", required=True, help="item id, at most 16 bytes")
    encode.add_argument("--owner", required=True, help="owner's ISIL, e.g. DK-718500")
    encode.add_argument("--parts", type=int, default=1, help="parts of the set (1)")
    encode.add_argument("--part", type=int, default=1, help="number of this part (1)")
    encode.add_argument("--usage", type=int, default=1, help="type of usage, ISO 28560-1 (1: circulating)")
    length = encode.add_mutually_exclusive_group()
    length.add_argument("--size", type=int, default=34, help="bytes to make: 32, 34 or more (34)")
    length.add_argument("--blocks", type=int, help="blocks to fill instead; 8 of 4 bytes are the short form")
    encode.add_argument("--block-size", type=int, default=4, help="bytes in a block of the tag (4)")
    encode.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    return _decode(args) if args.what == "decode" else _encode(args)


def _decode(args: argparse.Namespace) -> int:
    given = sys.stdin.read() if args.hex == "-" else args.hex
    try:
        data = bytes.fromhex("".join(given.split()))
    except ValueError as error:
        sys.stderr.write(f"{given[:40]!r} is not hex: {error}\n")
        return 2
    found = decode_block(data, args.block_size)
    if isinstance(found, NotDanish):
        problem = found.detail or f"the tag is {found.reason}"
        fields: dict[str, Any] = {}
        emit(
            {"kind": "iso28560-3", "valid": False, "fields": fields, "problems": [problem]},
            as_json=args.json,
            text=f"not an intact ISO 28560-3 tag: {problem}",
        )
        return 1
    fields = _fields(found)
    width = max(map(len, fields))
    emit(
        {"kind": "iso28560-3", "valid": True, "fields": fields, "problems": []},
        as_json=args.json,
        text="\n".join(f"{name:<{width}}  {value}" for name, value in fields.items()),
    )
    return 0


def _fields(found: BasicBlock) -> dict[str, Any]:
    return {
        "item": found.item,
        "owner": found.owner,
        "usage": found.usage,
        "part": found.part,
        "parts": found.parts,
        "version": found.version,
        "order": found.order,
        "extensions": [
            {"id": extension.id, "name": extension.name, "data": extension.data.hex()}
            for extension in found.extensions
        ],
    }


def _encode(args: argparse.Namespace) -> int:
    content = BasicBlock(args.item, args.owner, args.usage, args.parts, args.part)
    try:
        size = args.size if args.blocks is None else args.blocks * args.block_size
        data = encode_block(content, size, args.block_size)
    except ValueError as error:
        sys.stderr.write(f"{error}\n  What to do: shorten it; a tag has at least {BASIC_SHORT} bytes.\n")
        return 2
    emit({"kind": "iso28560-3", "hex": data.hex()}, as_json=args.json, text=data.hex())
    return 0
