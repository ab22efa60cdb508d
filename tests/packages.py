"""Python packages of a check, in the versions that its requirements.txt pins, without a change to the rest of the machine."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def installed(requirements: Path, below: Path) -> Path:
    """The folder that has the packages, to be put on the path; they are installed once, in a folder of their own below `below`."""
    name = requirements.parent.name
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = below / f"{name}-{digest}-python{sys.version_info.major}.{sys.version_info.minor}"
    if folder.is_dir():
        return folder
    below.mkdir(parents=True, exist_ok=True)
    # Installed aside and moved into place whole, so that an installation that fails leaves nothing half done.
    aside = tempfile.mkdtemp(prefix=f".{name}.", dir=below)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"]
    try:
        subprocess.run([*command, "--target", aside, "-r", requirements], check=True)
        os.rename(aside, folder)
    except OSError:
        # Another check was faster.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder
