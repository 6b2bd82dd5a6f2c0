"""Programs that verify a log and share no line with ours: run here, as anybody would run them."""

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "verify_log"
# Where Debian's golang-golang-x-mod-dev puts the library: nothing is fetched to build this.
GOPATH = "/usr/share/gocode"


class Refused(Exception):
    """The program did not accept what it was shown; its words say why."""


class GoVerifier:
    """verify_log/main.go: the public files of a log, checked by golang.org/x/mod/sumdb."""

    def __init__(self, program):
        self.program = program

    @classmethod
    def built(cls, folder):
        """The program, built into a folder once whoever asks; None where there is no Go."""
        if shutil.which("go") is None:
            return None
        program = folder / "verify_log"
        with (folder / "verify_log.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.exists():
                half = folder / "verify_log.new"
                environment = os.environ | {
                    "GO111MODULE": "off",
                    "GOFLAGS": "",
                    "GOPATH": GOPATH,
                    "GOCACHE": str(folder / "go-cache"),
                }
                command = ["go", "build", "-o", str(half), "."]
                subprocess.run(command, cwd=SOURCE, env=environment, check=True)
                half.rename(program)
        return cls(program)

    def verify(self, folder=None, *, key, cosigners=(), olds=(), proofs=()):
        """Check the public files in a folder, and proof files; return what the program found.

        `key` and `cosigners` are vkeys; the log has to continue the checkpoints in the files
        `olds`; beside a proof `x.tlog-proof` stands its entry, `x.entry`. Raises Refused.
        """
        command = [str(self.program), "-key", key]
        for flag, values in (("-cosigner", cosigners), ("-old", olds), ("-proof", proofs)):
            for value in values:
                command += [flag, str(value)]
        command += [] if folder is None else [str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise Refused(done.stderr.strip())
        return json.loads(done.stdout)
