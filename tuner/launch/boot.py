"""The first thing a job runs: `python -c THIS REPO COMMIT`. Python's own library alone, since nothing else is there yet.

Fetches Tuner's own files from the run's private repository, installs what they require (what is there is left as it is) and
starts `tuner.launch.on_job`. The token is taken out of the environment before anything is started, and handed on by a pipe.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile


def main(repo: str, commit: str) -> int:
    """The exit code of the job."""
    began = time.time()  # the Hub counts the installation, too
    token = os.environ.pop("HF_TOKEN", "")
    os.environ |= {"PIP_BREAK_SYSTEM_PACKAGES": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    try:
        import huggingface_hub
    except ImportError:
        subprocess.check_call([*install, "huggingface_hub>=2.4,<3"])
        import huggingface_hub
    folder = tempfile.mkdtemp(prefix="tuner-")
    wanted = {"revision": commit, "allow_patterns": ["job/*"], "local_dir": folder, "token": token or False}
    huggingface_hub.snapshot_download(repo, **wanted)
    job = os.path.join(folder, "job")
    print("Installing what Tuner needs", flush=True)
    subprocess.check_call([*install, "-r", os.path.join(job, "requirements.txt"), "-c", os.path.join(job, "constraints.txt")])
    code = os.path.join(folder, "code")
    zipfile.ZipFile(os.path.join(job, "tuner.zip")).extractall(code)
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe:
        pipe.write(token)
    python_path = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": python_path, "TUNER_TOKEN_FD": str(reader), "PYTHONUNBUFFERED": "1"}
    environment |= {"TUNER_HOME": os.path.join(folder, "home")}
    command = [sys.executable, "-m", "tuner.launch.on_job", job, repo, str(began)]
    process = subprocess.Popen(command, cwd=folder, env=environment, pass_fds=(reader,), stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
