#!/usr/bin/env python3
"""Runs the cases in files: commands, what they print, and how they end.

    tests/cli/run_cases.py [--write] PROGRAM FILE...

A file is prose with indented cases in between, which run one after the other in a folder of
the file's own, `masa` being PROGRAM:

    Numbers are checked.

      2$ masa tasks -n 0
      ! masa: --number must be positive

Before "$ " stands the exit status (left out: 0), behind it the command, which goes on in lines
that begin with "> ". Then come standard error, each line behind "! ", and standard output as it
is. A line "..." stands for any number of lines of its stream; "! ..." likewise. The folder's
name is printed as $PWD.

--write puts down what came out where that is not what the file says: look at the difference.
"""
import os
import re
import subprocess
import sys
import tempfile

PROMPT = re.compile(r"  (\d*)\$ (.*)")


class Case:
    def __init__(self, line, status, command):
        self.line, self.status, self.command = line, int(status or 0), command
        self.out, self.err = [], []

    def text(self):
        command = self.command.replace("\n", "\n  > ")
        lines = [f"  {self.status or ''}$ {command}"]
        lines += [f"  ! {line}".rstrip() for line in self.err]
        lines += [f"  {line}".rstrip() for line in self.out]
        return lines


def read(path):
    """The file as a list of lines of prose and of cases."""
    items, blank = [], 0
    with open(path) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            prompt = PROMPT.fullmatch(line)
            case = items[-1] if items and isinstance(items[-1], Case) else None
            if case and not line:
                blank += 1
                continue
            expected = case and line.startswith("  ") and not prompt
            (case.out if expected else items).extend([""] * blank)
            blank = 0
            if prompt:
                items.append(Case(number, *prompt.groups()))
            elif not expected:
                items.append(line)
            elif line.startswith("  > "):
                case.command += "\n" + line[4:]
            elif line.startswith("  !"):
                case.err.append(line[4:])
            else:
                case.out.append(line[2:])
    return items


def matches(wanted, lines):
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line) + "\n"
                      for line in wanted)
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in lines)) is not None


def run(case, folder, environment):
    """None, or the case as it came out."""
    done = subprocess.run(["bash", "-c", case.command], cwd=folder, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True)
    came = Case(case.line, done.returncode, case.command)
    came.out, came.err = (text.decode(errors="replace").replace(folder, "$PWD").splitlines()
                          for text in (done.stdout, done.stderr))
    good = (case.status == came.status and matches(case.out, came.out)
            and matches(case.err, came.err))
    return None if good else came


def run_file(path, environment, write):
    """How many cases of the file did not come out as it says."""
    items, failed = read(path), 0
    if not any(isinstance(item, Case) for item in items):
        sys.exit(f"{path}: no case in it")
    with tempfile.TemporaryDirectory(prefix="masa-cases-") as folder:
        for i, case in enumerate(items):
            came = isinstance(case, Case) and run(case, folder, environment)
            if came:
                failed += 1
                items[i] = came
                print(f"{path}:{case.line}: it says", *case.text(), "but this came out",
                      *came.text(), sep="\n")
    if write and failed:
        with open(path, "w") as file:
            for item in items:
                print(*(item.text() if isinstance(item, Case) else [item]), sep="\n", file=file)
    return failed


def main():
    arguments = sys.argv[1:]
    write = "--write" in arguments[:1]
    if len(arguments) < 2 + write:
        sys.exit(__doc__)
    program, *files = arguments[write:]
    environment = dict(os.environ, LC_ALL="C.UTF-8", OMP_NUM_THREADS="2",
                       PATH=os.path.dirname(os.path.abspath(program)) + ":" + os.environ["PATH"])
    failed = sum(run_file(path, environment, write) for path in files)
    sys.exit(failed > 0)


main()
