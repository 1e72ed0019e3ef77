"""The bootstrap's behaviour where apt fails, is interrupted, or has nothing to do; apt itself is played here.

Whether the real one works on a bare Debian takes minutes and root, and is tried by hand from a clean clone.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_NETWORK = """#!/bin/sh
case "$*" in *update*) echo "W: Failed to fetch http://deb.example/ Could not connect" >&2; exit 0 ;; esac
echo "E: Unable to locate package swig" >&2
exit 100
"""
HANGS = """#!/bin/sh
case "$*" in *update*) exit 0 ;; esac
touch "$APT_STARTED"
exec sleep 60
"""
ALL_INSTALLED = '#!/bin/sh\nfor package in "$@"; do echo " installed/$package "; done\n'


def _heeds_signals() -> None:
    """Let interruptions be heard, also where the tests run in the background and inherit that they are not."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@dataclass
class Checkout:
    """A copy of the scripts with its own programs before the system's, and its own policy file."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "bin").mkdir(parents=True)
        (self.folder / "dpkg").mkdir()
        (self.folder / "requirements").mkdir()
        (self.folder / "requirements" / "run.txt").write_text("nothing==1\n")
        (self.folder / "requirements" / "dev.txt").write_text("nothing==1\n")
        (self.folder / "pyproject.toml").write_text("")
        shutil.copytree(ROOT / "scripts", self.folder / "scripts")
        self.policy = self.folder / "policy-rc.d"
        self.environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TURNLEAF_POLICY_FILE": str(self.policy),
            "TURNLEAF_DPKG_FOLDER": str(self.folder / "dpkg"),
            "APT_STARTED": str(self.folder / "apt-started"),
            "PYTHON": "no-such-python",
        }
        self.program("sudo", '#!/bin/sh\nwhile [ "$1" = -n ]; do shift; done\nexec "$@"\n')
        self.program("systemctl", "#!/bin/sh\nexit 0\n")
        self.program("dpkg-query", "#!/bin/sh\nexit 0\n")

    def program(self, name: str, text: str) -> None:
        """Put a program before the system's."""
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def start(self, what: str = "run") -> subprocess.Popen[str]:
        """Start the bootstrap in a process group of its own."""
        return subprocess.Popen(
            [self.folder / "scripts" / "bootstrap.sh", what],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_heeds_signals,  # noqa: PLW1509 - it calls signal() alone
        )

    def run(self, what: str = "run") -> tuple[int, str]:
        """Run it to its end."""
        with self.start(what) as process:
            said, _ = process.communicate(timeout=30)
        return process.returncode, said

    def finished_venv(self) -> None:
        """Make a .venv that says that it is complete, for this folder and this interpreter."""
        (self.folder / ".venv" / "bin").mkdir(parents=True)
        (self.folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
        version = f"{sys.version_info.major} {sys.version_info.minor}"
        whole = hashlib.sha256(f"nothing==1\n{version} {self.folder}\n".encode()).hexdigest()
        (self.folder / ".venv" / f".installed-run-{whole[:16]}").touch()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path.resolve() / "checkout")


def test_without_a_network_it_says_what_was_seen_and_what_to_do(checkout: Checkout) -> None:
    checkout.program("apt-get", NO_NETWORK)
    code, said = checkout.run()
    assert code == 1
    assert "Could not connect" in said
    assert "What to do: check the network" in said


def test_the_policy_against_services_is_gone_after_a_failure(checkout: Checkout) -> None:
    checkout.program("apt-get", NO_NETWORK.replace("exit 100", f"cp {checkout.policy} $HOME/seen\nexit 100"))
    checkout.run()
    assert "exit 101" in (checkout.folder / "seen").read_text()
    assert not checkout.policy.exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_policy_against_services_is_gone_after_an_interruption(
    checkout: Checkout, how: signal.Signals
) -> None:
    checkout.program("apt-get", HANGS)
    with checkout.start() as process:
        until = time.monotonic() + 20
        while not (checkout.folder / "apt-started").exists():
            assert time.monotonic() < until, "apt-get was never asked"
            time.sleep(0.01)
        assert checkout.policy.exists()
        os.killpg(process.pid, how)
        process.communicate(timeout=20)
    assert process.returncode != 0
    assert not checkout.policy.exists()


def test_somebody_elses_policy_stays(checkout: Checkout) -> None:
    checkout.program("apt-get", NO_NETWORK)
    checkout.policy.write_text("#!/bin/sh\nexit 0\n")
    checkout.run()
    assert checkout.policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_with_nothing_missing_it_says_nothing_and_asks_no_package_manager(checkout: Checkout) -> None:
    checkout.program("dpkg-query", ALL_INSTALLED)
    checkout.program("apt-get", "#!/bin/sh\nexit 9\n")
    checkout.program("sudo", "#!/bin/sh\nexit 1\n")
    checkout.finished_venv()
    code, said = checkout.run()
    assert code == 0
    assert "installed" not in said


def test_a_moved_folder_does_not_trust_its_old_venv(checkout: Checkout, tmp_path: Path) -> None:
    checkout.program("dpkg-query", ALL_INSTALLED)
    checkout.finished_venv()
    moved = Path(shutil.copytree(checkout.folder, tmp_path / "moved", symlinks=True))
    (moved / ".venv" / "bin" / "turnleaf").write_text(f"#!{checkout.folder}/.venv/bin/python\n")
    checkout.folder = moved
    code, said = checkout.run()
    assert code == 3
    assert "PYTHON=/path/to" in said


def test_a_second_bootstrap_waits_for_the_first(checkout: Checkout) -> None:
    checkout.program("apt-get", HANGS)
    with checkout.start() as first:
        until = time.monotonic() + 20
        while not (checkout.folder / "apt-started").exists():
            assert time.monotonic() < until, "apt-get was never asked"
            time.sleep(0.01)
        with checkout.start() as second:
            assert second.stdout is not None
            assert "waiting for it" in second.stdout.readline()
            os.killpg(second.pid, signal.SIGTERM)
        assert checkout.policy.exists(), "who only waits takes nothing away"
        os.killpg(first.pid, signal.SIGTERM)


def test_a_wrong_word_is_told_the_right_ones(checkout: Checkout) -> None:
    code, said = checkout.run("everything")
    assert code == 2
    assert "run|dev" in said
