#!/usr/bin/env bash
# click 8.5.1 and typer 0.29.2 with `standalone_mode=False` end their caller's program on any closed pipe.
#
# Of `standalone_mode` click says: where it is False, exceptions are propagated to the caller, and the
# interpreter is not shut down. So a program that calls a command as a part of itself catches `OSError`, or
# `Exception`, around the call. But an OSError of the kind EPIPE is not propagated: it becomes
# SystemExit(1), which neither of them catches, without a word on any stream, and sys.stdout and
# sys.stderr stay wrapped in another object. It need not be standard output that was closed (`… | head -1`):
# the pipe to a child or a connection that the other side closed does the same, and the program ends as if
# nothing had been said. typer, which carries its own copy of click, does alike.
# ifrs calls its commands so, and turns what comes of a closed standard output into its own exit.
#
# Seen, for both: a ConnectionResetError reaches the caller as it is. A BrokenPipeError, of standard output
# or of a socket, reaches it as SystemExit(1), standard error is empty, sys.stderr is another object.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  click==8.5.1 typer==0.29.2 2>> "$work/log"

cat > called.py <<'END'
import os
import socket
import sys
from importlib.metadata import version

import click
import typer

library, where = sys.argv[1:]
before = sys.stderr


def command():
    if where == "output":
        read, write = os.pipe()
        os.close(read)
        os.dup2(write, 1)
        print("a line", flush=True)
    elif where == "socket":
        ours, theirs = socket.socketpair()
        theirs.close()
        ours.send(b"a line")
    else:
        raise ConnectionResetError("reset")


if library == "click":
    call = click.command()(command)
else:
    call = typer.Typer(add_completion=False)
    call.command()(command)
met = "nothing"
try:
    call([], standalone_mode=False)
except Exception as error:
    met = type(error).__name__
except SystemExit as error:
    met = f"SystemExit({error.code})"
replaced = "replaced" if sys.stderr is not before else "kept"
with open("met", "w") as file:
    file.write(f"{library} {version(library)}, {where}: {met}, sys.stderr {replaced}\n")
os._exit(0)
END

for library in click typer; do
  for where in reset output socket; do
    venv/bin/python called.py $library $where 2> said
    test ! -s said
    tee -a seen < met
  done
done
cat > wanted <<'END'
click 8.5.1, reset: ConnectionResetError, sys.stderr kept
click 8.5.1, output: SystemExit(1), sys.stderr replaced
click 8.5.1, socket: SystemExit(1), sys.stderr replaced
typer 0.29.2, reset: ConnectionResetError, sys.stderr kept
typer 0.29.2, output: SystemExit(1), sys.stderr replaced
typer 0.29.2, socket: SystemExit(1), sys.stderr replaced
END
diff wanted seen
