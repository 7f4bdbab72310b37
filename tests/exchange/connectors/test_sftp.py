"""SFTP, against a server in this process: keys are held against the known one, secrets never told."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
import pytest
from pydantic import ValidationError

from xinlu.exchange.connectors.contract import Memory, Parcel, SecretName
from xinlu.exchange.connectors.sftp.connect import Sftp, SftpSettings
from xinlu.exchange.connectors.trouble import Trouble, trouble

PASSWORD = "correct horse battery"
OLD = 1_700_000_000


class Door(paramiko.ServerInterface):
    """Lets ``xinlu`` in, by password or by one key."""

    def __init__(self, server: Server) -> None:
        self.server, self.key = server, server.client_key

    def check_auth_password(self, username: str, password: str) -> int:
        self.server.tried.append(password)
        good = (username, password) == ("xinlu", PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        good = username == "xinlu" and self.key is not None and key.asbytes() == self.key.asbytes()
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class Handle(paramiko.SFTPHandle):
    """An open file; ``breaks_after`` cuts the wire in the middle of it."""

    def __init__(self, path: Path, server: Server) -> None:
        super().__init__(os.O_RDONLY)
        self.path, self.server = path, server

    def read(self, offset: int, length: int) -> bytes | int:
        if self.server.breaks_after is not None and offset >= self.server.breaks_after:
            self.server.hang_up()
            return paramiko.SFTP_FAILURE
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(min(length, 16_384))

    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(self.path.stat())


class Shelf(paramiko.SFTPServerInterface):
    """Shows a folder of this machine, and counts whoever tries to write."""

    def __init__(self, door: Door, server: Server) -> None:
        self.server = server

    def _real(self, path: str) -> Path:
        return self.server.folder / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        if not self._real(path).is_dir():
            return paramiko.SFTP_NO_SUCH_FILE
        found = []
        for one in self._real(path).iterdir():
            told = paramiko.SFTPAttributes.from_stat(one.lstat())
            told.filename = one.name
            found.append(told)
        return found

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        real = self._real(path)
        return paramiko.SFTPAttributes.from_stat(real.stat()) if real.exists() else paramiko.SFTP_NO_SUCH_FILE

    def lstat(self, path: str) -> paramiko.SFTPAttributes | int:
        return self.stat(path)

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Handle | int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self.server.writes += 1
            return paramiko.SFTP_PERMISSION_DENIED
        return Handle(self._real(path), self.server) if self._real(path).is_file() else paramiko.SFTP_NO_SUCH_FILE


@dataclass
class Server:
    """An SFTP server on a port of its own."""

    folder: Path
    client_key: paramiko.PKey | None = None
    key: paramiko.PKey = field(default_factory=lambda: paramiko.ECDSAKey.generate())
    breaks_after: int | None = None
    writes: int = 0
    tried: list[str] = field(default_factory=list)
    """Passwords that somebody gave."""

    def start(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.open: list[paramiko.Transport] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                wire, _ = self.socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(wire)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Shelf, self)
            self.open.append(transport)
            try:
                transport.start_server(server=Door(self))
            except (paramiko.SSHException, EOFError):
                transport.close()

    def hang_up(self) -> None:
        for one in self.open:
            one.close()

    def stop(self) -> None:
        with suppress(OSError):
            # Wakes the thread that waits for the next caller.
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.hang_up()

    @property
    def host_key(self) -> str:
        return f"{self.key.get_name()} {self.key.get_base64()}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "sftp"
    (folder / "out").mkdir(parents=True)
    made = Server(folder)
    made.start()
    yield made
    made.stop()


def put(server: Server, name: str, data: bytes) -> None:
    path = server.folder / "out" / name
    path.write_bytes(data)
    os.utime(path, (OLD, OLD))


def settings(server: Server, **changes: object) -> SftpSettings:
    said = {
        "host": "127.0.0.1", "port": server.port, "user": "xinlu", "password": {"secret": "hz"},
        "host_key": server.host_key, "folder": "/out", "pattern": "*.csv",
    }  # fmt: skip
    return SftpSettings.model_validate({**said, **changes})


def secrets(name: SecretName) -> str:
    return {"hz": PASSWORD, "wrong": "not this one"}[name.secret]


def test_files_are_fetched_whole_and_nothing_is_written(server: Server) -> None:
    large = b"CF_WSH,CF_NR\n" + b"1,abcdefgh\n" * 300_000
    put(server, "a.csv", b"1,2\n")
    put(server, "large.csv", large)
    put(server, "b.part", b"half")
    with Sftp.reach(settings(server), secrets) as reached:
        found = list(reached.waiting(Memory()))
    assert [(one.name, len(one.data)) for one in found] == [("a.csv", 4), ("large.csv", len(large))]
    assert found[1].data == large
    with Sftp.reach(settings(server), secrets) as reached:
        done = frozenset(one.fingerprint for one in found)
        assert list(reached.waiting(Memory(done=done))) == []
    assert server.writes == 0


def test_a_private_key_opens_the_door_too(server: Server, tmp_path: Path) -> None:
    server.client_key = paramiko.ECDSAKey.generate()
    server.client_key.write_private_key_file(str(tmp_path / "key"))
    put(server, "a.csv", b"1,2\n")
    asked = settings(server, password=None, private_key={"secret": "key"})
    with Sftp.reach(asked, lambda name: (tmp_path / "key").read_text()) as reached:
        assert [one.name for one in reached.waiting(Memory()) if isinstance(one, Parcel)] == ["a.csv"]


def refused(asked: SftpSettings, give=secrets) -> Trouble:
    with pytest.raises(Trouble) as told, Sftp.reach(asked, give) as reached:
        list(reached.waiting(Memory()))
    return told.value


def test_a_server_with_another_key_gets_no_password(server: Server) -> None:
    other = paramiko.ECDSAKey.generate()
    told = refused(settings(server, host_key=f"{other.get_name()} {other.get_base64()}"))
    assert (told.problem.code, server.tried) == ("PU-006", [])
    assert refused(settings(server, host_key=f"ssh-ed25519 {other.get_base64()}")).problem.code == "PU-006"


def test_a_wrong_password_is_told_without_the_password(server: Server) -> None:
    told = refused(settings(server, password={"secret": "wrong"}))
    assert told.problem.code == "PU-005"
    assert "not this one" not in str(told)


def test_a_secret_that_nobody_set_stops_before_signing_in(server: Server) -> None:
    def none(name: SecretName) -> str:
        raise trouble("PU-003", "没有设置")

    assert refused(settings(server), none).problem.code == "PU-003"


def test_a_folder_that_is_not_there_and_a_port_without_a_server_are_told(server: Server) -> None:
    assert refused(settings(server, folder="/nowhere")).problem.code == "PU-007"
    server.stop()
    assert refused(settings(server)).problem.code == "PU-004"


def test_a_wire_that_breaks_in_the_middle_gives_no_half_file(server: Server) -> None:
    put(server, "a.csv", b"x" * 400_000)
    server.breaks_after = 100_000
    taken = []
    with pytest.raises(Trouble) as told, Sftp.reach(settings(server), secrets) as reached:
        taken += list(reached.waiting(Memory()))
    assert (told.value.problem.code, taken) == ("PU-012", [])


@pytest.mark.parametrize(
    "changes",
    [
        {"host_key": "AAAA"},
        {"host_key": "ssh-ed25519 not-base64!"},
        {"password": None},
        {"private_key": {"secret": "key"}},
        {"password": "written here"},
        {"port": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_right_are_refused(server: Server, changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(server, **changes)
