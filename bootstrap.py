"""Make .venv from the lock, or the secrets of docker-compose.yml, with the standard library only. Harmless to call again."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets as chance
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
NO_ENVIRONMENT = """\
This python3 can make no virtual environment, and neither uv nor virtualenv is here.
Install your system's package for it and call make again: on Debian and Ubuntu `apt install python3-venv`.
"""


def stamp(lock: Path) -> str:
    """What the environment was made from: it is made again when this changes."""
    parts = [lock.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), sys.version.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_ready(kind: str) -> bool:
    """The environment holds this lock, or the larger one that contains it."""
    if not PYTHON.exists():
        return False
    wanted = ("run", "dev") if kind == "run" else ("dev",)
    marks = ((VENV / f"{each}.stamp", LOCKS[each]) for each in wanted)
    return any(mark.exists() and mark.read_text() == stamp(lock) for mark, lock in marks)


def make_environment() -> None:
    """venv where python3 can, else uv or virtualenv, else one line that says what to install."""
    shutil.rmtree(VENV, ignore_errors=True)
    tries = [[sys.executable, "-m", "venv", str(VENV)]]
    if uv := shutil.which("uv"):
        tries.append([uv, "venv", "--seed", "-q", "--python", sys.executable, str(VENV)])
    if virtualenv := shutil.which("virtualenv"):
        tries.append([virtualenv, "-q", "-p", sys.executable, str(VENV)])
    for command in tries:
        made = subprocess.run(command, capture_output=True, check=False)
        if made.returncode == 0 and has_pip():
            return
        shutil.rmtree(VENV, ignore_errors=True)
    raise SystemExit(NO_ENVIRONMENT)


def has_pip() -> bool:
    return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def install(kind: str) -> None:
    """The locked packages by hash, wheels only, then this project itself."""
    pip = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(LOCKS[kind])], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True)
    (VENV / f"{kind}.stamp").write_text(stamp(LOCKS[kind]))


def lock() -> None:
    """Resolves anew with uv: universal, and with names, versions and hashes only."""
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit("Locking needs uv: pip install uv")
    compile_ = [uv, "pip", "compile", "-q", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-header",
                "--no-annotate", "--python-version", "3.11", "pyproject.toml", "-"]  # fmt: skip
    for kind, more in (("dev", ["--group", "dev"]), ("run", ["-c", LOCKS["dev"].name])):
        command = [*compile_, *more, "-o", LOCKS[kind].name]
        subprocess.run(command, input=b"setuptools>=77\n", cwd=ROOT, check=True)


def secrets(folder: Path, given: dict[str, str]) -> list[str]:
    """Writes what is missing of docker-compose.yml's secrets, a file each; returns those that a person has to fill in."""
    folder.mkdir(mode=0o700, exist_ok=True)
    made = {each: chance.token_urlsafe(24) for each in ("postgres_password", "redis_password", "page_password")}
    made |= {path.name: path.read_text() for path in folder.iterdir() if path.name in made}
    made |= {
        "database_url": f"postgresql://bokun:{made['postgres_password']}@postgres:5432/bokun",
        "redis_url": f"redis://:{made['redis_password']}@redis:6379/0",
        "secret_key": base64.urlsafe_b64encode(chance.token_bytes(32)).decode(),
        "webhook_token": chance.token_urlsafe(24),
        "flower_basic_auth": f"operator:{chance.token_urlsafe(24)}",
    }
    account = ("space_invoices_token", "bokun_access_key", "bokun_secret_key")
    optional = ("bokun_app_secret", "metrics_token", "alert_url", "smtp_url")
    for name, value in (dict.fromkeys((*account, *optional), "") | made | given).items():
        path = folder / name
        if not path.exists():
            path.write_text(value)
            path.chmod(0o644)  # read by the container's user, who is nobody here; the folder is closed to others
    return [name for name in account if not (folder / name).read_text().strip()]


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else "run"
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is what says so
        raise SystemExit(f"bokun-sync needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    if kind == "lock":
        lock()
        return
    if kind in ("secrets", "secrets-demo"):
        # The stand-ins' token; the keys of their connections are linked by the compose file itself.
        given = {"space_invoices_token": "sandbox-token"} if kind == "secrets-demo" else {}
        empty = secrets(ROOT / kind, given)
        print(f"The secrets are in {kind}/, a file each.")
        if empty and not given:
            print(f"Write the account's own into {', '.join(f'{kind}/{name}' for name in empty)}.")
        return
    if is_ready(kind):
        return
    started = time.monotonic()
    print(f"Setting up .venv from {LOCKS[kind].name} (once; under a minute on most machines) ...", flush=True)
    if not PYTHON.exists() or not has_pip():
        make_environment()
    try:
        install(kind)
    except subprocess.CalledProcessError as failed:
        raise SystemExit("Setting up failed: see pip's own words above. Is the package index reachable?") from failed
    print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)


if __name__ == "__main__":
    main()
