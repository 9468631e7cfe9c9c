"""Ask the advisory service whether what Rollbook stands on has known vulnerabilities; for `make check`."""

import json
import subprocess
import sys
from collections.abc import Sequence

COMMAND = [
    *(
        sys.executable,
        "-m",
        "pip_audit",
        "-r",
        "requirements.txt",
        "-r",
        "requirements-traces.txt",
        "--disable-pip",
        "--require-hashes",
    ),
    *("--format=json", "--progress-spinner=off", "--timeout=5"),
]
PATIENCE_S = 60


def ask(command: Sequence[str] = COMMAND) -> tuple[int, str]:
    """Give the status to end with, and what is to be said. A service out of reach, as in a school offline, stops nobody."""
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        packages = json.loads(asked.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        return 0, "The advisory service can't be reached: nobody has looked for known vulnerabilities in requirements.txt."
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    found = [_sentence(package, known) for package in packages for known in package.get("vulns", ())]
    if unknown:
        found.append(f"The advisory service knows nothing of {len(unknown)} of {len(packages)} packages: {unknown[0]}, say.")
    return int(any(package.get("vulns") for package in packages)), "\n".join(found)


def _sentence(package: dict[str, str], known: dict[str, list[str]]) -> str:
    mended = ", ".join(known["fix_versions"]) or "no release yet"
    return f"{package['name']} {package['version']} has a known vulnerability, {known['id']}; mended in {mended}."


if __name__ == "__main__":
    status, said = ask()
    if said:
        print(said)  # noqa: T201  it is a command
    sys.exit(status)
