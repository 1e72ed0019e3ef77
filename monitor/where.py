"""Where the broker is and as whom to come: `--broker HOST:PORT --cert DIR`, the environment, or a file."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from wire.broker_address import broker_address
from wire.errors import ConfigError
from wire.ids import new_id
from wire.link import LinkSettings
from wire.settings import Settings, load, resolve
from wire.topics import topic


class ConsoleSettings(Settings):
    """console.toml: what the options would say."""

    broker: str = Field(description="HOST:PORT of the broker's listener for operators.")
    cert: Path = Field(description="Folder with ca.pem, cert.pem and key.pem of an operator or viewer.")


@dataclass(frozen=True, slots=True)
class Where:
    """A broker, and an identity whose name is its folder's name."""

    host: str
    port: int
    folder: Path

    @property
    def identity(self) -> str:
        """The certificate's name."""
        return self.folder.name

    def file(self, name: str) -> str:
        """Return the path of ca, cert or key."""
        return str(self.folder / f"{name}.pem")

    def link_settings(self) -> LinkSettings:
        """Return how a link that asks central connects; nothing of it outlives the connection."""
        return LinkSettings(
            host=self.host,
            port=self.port,
            identity=self.identity,
            ca=self.file("ca"),
            cert=self.file("cert"),
            key=self.file("key"),
            subscriptions=(topic("response", identity=self.identity),),
            session_expiry_s=0,
            client_id=f"{self.identity}-{new_id()[:8]}",
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options every command of the console takes."""
    parser.add_argument(
        "--broker", metavar="HOST:PORT", help="the broker's listener for operators (or TURNLEAF_BROKER)"
    )
    parser.add_argument(
        "--cert",
        type=Path,
        metavar="DIR",
        help="folder with ca.pem, cert.pem and key.pem of an operator or viewer (or TURNLEAF_IDENTITY)",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="a TOML file with broker and cert instead of the options"
    )


def where(args: argparse.Namespace) -> Where:
    """Return what options, file and environment say, in this order; raises ConfigError."""
    settings = load(args.config, ConsoleSettings) if args.config else None
    broker = args.broker or (settings.broker if settings else os.environ.get("TURNLEAF_BROKER", ""))
    cert = args.cert
    if cert is None and settings is not None:
        cert = resolve(args.config.parent.absolute(), settings.cert)
    if cert is None and os.environ.get("TURNLEAF_IDENTITY"):
        cert = Path(os.environ["TURNLEAF_IDENTITY"])
    host, port = broker_address(broker)
    if cert is None:
        raise ConfigError("no identity is named", do="Give --cert DIR, or set TURNLEAF_IDENTITY to it.")
    found = Where(host, port, Path(cert).absolute())
    for name in ("ca", "cert", "key"):
        if not Path(found.file(name)).is_file():
            raise ConfigError(
                f"{found.file(name)} is not there",
                do="Give the folder that `turnleaf broker enrol NAME --role operator` made.",
            )
    return found
