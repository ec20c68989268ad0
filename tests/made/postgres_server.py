"""A PostgreSQL server of the tests' own, where its programs are installed: no port, a socket in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

USER = "nta"


def programs():
    """Return the folder of `initdb`, the newest of those installed; None where there is none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return installed[-1].parent if installed else None


@contextmanager
def running(bin_folder):
    """Start a server, yield the URL of its databases without their name, stop it."""
    folder = Path(tempfile.mkdtemp(prefix="nta-pg-"))
    owner = {}
    if os.geteuid() == 0:  # the server refuses root
        account = pwd.getpwnam("nobody")
        os.chown(folder, account.pw_uid, account.pw_gid)
        owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def call(program, *words):
        command = [str(bin_folder / program), "-D", str(folder / "data"), *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **owner)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    try:
        call("initdb", "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-locale")
        switches = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=30"
        call("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", switches)
        try:
            yield f"postgresql://{USER}@/{{name}}?host={folder}"
        finally:
            call("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
