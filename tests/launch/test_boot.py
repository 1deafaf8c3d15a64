"""The first thing a job runs, as the Hub runs it: the source alone, in a process that has nothing of Tuner."""

import io
import os
import subprocess
import sys
import zipfile

from tests.hub.server import TOKEN, Hub
from tuner.launch import jobs

# In the place of Tuner's own: whether the moment it is handed lies before the files of the job came, and what it may read.
ON_JOB = """
import os, sys
_, job, repo, began = sys.argv
came = os.path.getmtime(os.path.join(job, "requirements.txt"))
print(repo, 0 < came - float(began) < 60, os.read(int(os.environ["TUNER_TOKEN_FD"]), 99).decode(), "HF_TOKEN" in os.environ)
"""


def test_the_installation_counts_to_the_job_s_time_and_the_token_comes_by_a_pipe(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as code:
        code.writestr("tuner/launch/on_job.py", ON_JOB)
    (tmp_path / "repo" / "job").mkdir(parents=True)
    for name, content in {"tuner.zip": packed.getvalue(), "requirements.txt": b"", "constraints.txt": b""}.items():
        (tmp_path / "repo" / "job" / name).write_bytes(content)
    with Hub() as hub:
        commit = hub.add("model", "owner/run", tmp_path / "repo", "private")
        command = [sys.executable, *jobs.command("owner/run", commit)[1:]]
        environment = {**os.environ, **hub.environment, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "hf")}
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"owner/run True {TOKEN} False"
