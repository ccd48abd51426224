"""Operators' commands against `make run`: by the same words as against a deployed stage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.local.product import PROJECT, Browser, clean_environment, free_port, make_run, started
from tests.support.admin import PASSWORD, key_of_length, user_row


def test_staff_and_imports_reach_the_running_product(tmp_path: Path) -> None:
    port = free_port()
    rows = [user_row(f"user{n}") for n in range(3)]
    users = tmp_path / "users.csv"
    users.write_text(
        "username,password_hash\n" + "".join(f'{r["username"]},"{r["password_hash"]}"\n' for r in rows)
    )
    uris = tmp_path / "uris.txt"
    uris.write_text("\n".join(f"otpauth://totp/{r['username']}?secret={key_of_length(20)}" for r in rows))

    def command(*options: str, stdin: str = "") -> str:
        name, *rest = options
        finished = subprocess.run(
            [
                *(sys.executable, "-m", "chalicelib.deployment", name, "--stage", "local"),
                *("--tenant", "cozone", "--port", str(port), *rest),
            ],
            cwd=PROJECT,
            env=clean_environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return finished.stdout + finished.stderr

    assert "Is `make run` running?" in command("staff")
    with started(make_run(port), port=port, folder=tmp_path) as run:
        run.wait_until_ready()
        assert "eva is of the help desk" in command("staff", "--username", "eva", stdin=f"{PASSWORD}\n")
        assert command("import-users", "--file", str(users)) == "3 added, 0 there already, 0 refused.\n"
        assert command("import-secrets", "--file", str(uris)) == (
            "3 imported, 0 there already, 0 refused.\n"
        )
        signed_in = Browser(port).post("/api/session", tenant="cozone", username="user1", password=PASSWORD)
        assert isinstance(signed_in, dict)
        assert signed_in["second_factor"] == "active"
        assert "user2" in command("export-users")
        erased = command("erase-user", "--username", "user2", "--yes", "user2", "--settle-seconds", "0")
        assert "user2 is erased: " in erased
        assert "user2" not in command("export-users")
