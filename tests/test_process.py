"""Starting other programs: output, errors, time limits, and nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from composer.errors import MissingToolError
from composer.process import ProgramError, find_tool, run, streaming

PYTHON = sys.executable


def python(code: str) -> list[str]:
    return [PYTHON, "-c", code]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone_soon(pid: int) -> bool:
    for _ in range(100):
        if not is_alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_output_and_errors_come_back_apart():
    output, errors = run(python("import sys; print('out'); print('err', file=sys.stderr)"))
    assert (output, errors) == (b"out\n", "err\n")


def test_a_failure_carries_the_last_line_of_stderr():
    with pytest.raises(ProgramError, match="the last word") as caught:
        run(python("import sys; sys.stderr.write('first\\nthe last word\\n'); sys.exit(3)"))
    assert caught.value.returncode == 3
    assert "first" in caught.value.stderr


def test_a_failure_without_words_tells_its_status():
    with pytest.raises(ProgramError, match="exit status 7"):
        run(python("import sys; sys.exit(7)"))


def test_a_missing_program_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="make setup"):
        find_tool("ffmpeg")


def test_arguments_never_pass_through_a_shell():
    odd = "a b; $(c) `d` 'e' \"f\" *"
    output, _ = run([*python("import sys; sys.stdout.write(sys.argv[1])"), odd])
    assert output.decode() == odd


def test_a_full_error_pipe_does_not_block():
    output, errors = run(python("import sys; sys.stderr.write('x' * 3_000_000); print('done')"), timeout_s=60)
    assert output == b"done\n"
    assert len(errors) == 20_000


def test_a_time_limit_ends_the_whole_group():
    started = time.monotonic()
    code = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(p.pid, flush=True); time.sleep(60)"  # fmt: skip
    with pytest.raises(ProgramError, match="did not end within"):
        run(python(code), timeout_s=1.0)
    assert time.monotonic() - started < 20


def test_leaving_the_block_early_ends_child_and_grandchild():
    code = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(p.pid, flush=True); time.sleep(60)"  # fmt: skip
    with pytest.raises(KeyboardInterrupt), streaming(python(code)) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        raise KeyboardInterrupt
    assert gone_soon(child.pid)
    assert gone_soon(grandchild)


def test_children_have_a_group_of_their_own():
    with streaming(python("import os; print(os.getpgrp())")) as child:
        assert child.stdout is not None
        assert int(child.stdout.readline()) != os.getpgrp()


def test_input_can_be_streamed():
    with streaming(python("import sys; sys.stdout.write(sys.stdin.read().upper())"), stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"quiet")
        child.stdin.close()
        assert child.stdout.read() == b"QUIET"


def test_a_killed_program_is_an_error():
    with pytest.raises(ProgramError) as caught:
        run(python(f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"))
    assert caught.value.returncode == -signal.SIGKILL
