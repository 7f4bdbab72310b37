"""Read a folder of an SFTP server. The server must show the key that the connection names: no key is ever learnt."""

from __future__ import annotations

import base64
import binascii
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from stat import S_ISREG
from typing import ClassVar

import paramiko
from paramiko.ssh_exception import IncompatiblePeer
from pydantic import Field, field_validator, model_validator

from xinlu.exchange.connectors.contract import Reached, SecretName, Secrets
from xinlu.exchange.connectors.files import Entry, Files, FolderSettings
from xinlu.exchange.connectors.trouble import Trouble, trouble

WAIT = 20
"""Seconds for connecting, signing in and each answer."""
CHUNK = 1024 * 1024


class SftpSettings(FolderSettings):
    """Keys of a connection to an SFTP server; either ``password`` or ``private_key`` names a secret."""

    host: str
    port: int = Field(default=22, ge=1, le=65535)
    user: str
    password: SecretName | None = None
    private_key: SecretName | None = None
    """A key in OpenSSH's form, without a passphrase."""
    host_key: str
    """The key of the server as ``known_hosts`` has it: ``ssh-ed25519 AAAA…``."""

    @field_validator("host_key")
    @classmethod
    def _is_a_key(cls, text: str) -> str:
        kind, _, rest = text.partition(" ")
        try:
            base64.b64decode(rest.split(" ")[0], validate=True)
        except (binascii.Error, ValueError):
            rest = ""
        if not rest or not kind.startswith(("ssh-", "ecdsa-")):
            raise ValueError("host_key 应写成 ssh-ed25519 AAAA… 的样子")
        return text

    @model_validator(mode="after")
    def _one_way_in(self) -> SftpSettings:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("password 与 private_key 应写一个，且只写一个")
        return self


class Sftp:
    """A folder of files on an SFTP server."""

    title: ClassVar[str] = "SFTP 服务器"
    Settings: ClassVar[type[SftpSettings]] = SftpSettings

    @staticmethod
    @contextmanager
    def reach(settings: SftpSettings, secrets: Secrets) -> Iterator[Reached]:
        """Connect, hold the server's key against the one that is known, sign in, enter the folder.

        Raises:
            Trouble: PU-003 to PU-007.
        """
        name = settings.password or settings.private_key
        secret = secrets(name) if name is not None else ""
        transport = _transport(settings)
        try:
            _sign_in(transport, settings, secret)
            sftp = _folder(transport, settings)
            yield Files(_Folder(sftp), settings, clock=time.time)
        finally:
            transport.close()


def _transport(settings: SftpSettings) -> paramiko.Transport:
    try:
        # Only a connected socket keeps its time limit while the two sides greet each other.
        wire = socket.create_connection((settings.host, settings.port), timeout=WAIT)
        transport = paramiko.Transport(wire)
        transport.banner_timeout = transport.auth_timeout = WAIT
    except (OSError, paramiko.SSHException) as error:
        raise trouble("PU-004", f"连不上 {settings.host}:{settings.port}（{_kind(error)}）") from None
    kind, _, rest = settings.host_key.partition(" ")
    try:
        # Ask for a key of the kind that is known, as others of the server could not be held against it.
        transport.get_security_options().key_types = _key_types(kind)
        transport.start_client(timeout=WAIT)
        shown = transport.get_remote_server_key()
    except ValueError:
        transport.close()
        raise trouble("PU-002", f"host_key 的类型“{kind}”不能用") from None
    except (OSError, EOFError, paramiko.SSHException) as error:
        transport.close()
        code = "PU-006" if isinstance(error, IncompatiblePeer) else "PU-004"
        raise trouble(code, f"与 {settings.host}:{settings.port} 握手不成（{_kind(error)}）") from None
    if shown.asbytes() != base64.b64decode(rest.split(" ")[0]):
        transport.close()
        raise trouble("PU-006", f"{settings.host}:{settings.port} 出示的密钥与配置的不同")
    return transport


def _key_types(kind: str) -> tuple[str, ...]:
    """An RSA key signs by newer digests than its name says."""
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def _sign_in(transport: paramiko.Transport, settings: SftpSettings, secret: str) -> None:
    try:
        if settings.password is not None:
            transport.auth_password(settings.user, secret)
        else:
            transport.auth_publickey(settings.user, _private_key(secret))
    except paramiko.AuthenticationException:
        raise trouble("PU-005", f"{settings.host} 不认账号“{settings.user}”或其口令") from None
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise trouble("PU-004", f"登录 {settings.host} 时断开（{_kind(error)}）") from None


def _private_key(text: str) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with suppress(paramiko.SSHException, ValueError, IndexError):
            found: paramiko.PKey = kind.from_private_key(io.StringIO(text))
            return found
    raise trouble("PU-003", "私钥读不懂，应是不带口令的 OpenSSH 私钥")


def _folder(transport: paramiko.Transport, settings: SftpSettings) -> paramiko.SFTPClient:
    try:
        sftp = paramiko.SFTPClient.from_transport(transport)
        if sftp is None:
            raise trouble("PU-004", f"{settings.host} 没有打开 SFTP")
        channel = sftp.get_channel()
        if channel is not None:
            channel.settimeout(WAIT)
        sftp.chdir(settings.folder)
    except Trouble:
        raise
    except (FileNotFoundError, PermissionError):
        raise trouble("PU-007", f"{settings.host} 上没有文件夹“{settings.folder}”，或不许读") from None
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise trouble("PU-004", f"{settings.host} 没有打开 SFTP（{_kind(error)}）") from None
    return sftp


class _Folder:
    def __init__(self, sftp: paramiko.SFTPClient) -> None:
        self.sftp = sftp

    def listing(self) -> list[Entry]:
        try:
            found = self.sftp.listdir_attr(".")
        except PermissionError:
            raise trouble("PU-007", "文件夹不许读") from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise trouble("PU-012", f"列文件时断开（{_kind(error)}）") from None
        return [made for one in found if (made := _entry(one.filename, one)) is not None]

    def look(self, name: str) -> Entry | None:
        try:
            return _entry(name, self.sftp.lstat(name))
        except FileNotFoundError:
            return None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise trouble("PU-012", f"读“{name}”时断开（{_kind(error)}）", file=name) from None

    def read(self, name: str) -> bytes:
        parts = []
        try:
            with self.sftp.open(name, "rb") as file:
                file.prefetch()
                while part := file.read(CHUNK):
                    parts.append(part)
        except (FileNotFoundError, PermissionError):
            raise trouble("PU-007", f"文件“{name}”不见了，或不许读", file=name) from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise trouble("PU-012", f"读“{name}”时断开（{_kind(error)}）", file=name) from None
        return b"".join(parts)


def _entry(name: str, found: paramiko.SFTPAttributes) -> Entry | None:
    regular = found.st_mode is not None and S_ISREG(found.st_mode)
    if not regular or "/" in name or found.st_size is None:
        return None
    return Entry(name, found.st_size, float(found.st_mtime or 0))


def _kind(error: Exception) -> str:
    """The kind of an error, for people who mend it; never its text, which may quote what was sent."""
    if isinstance(error, TimeoutError):
        return "超时"
    if isinstance(error, ConnectionRefusedError):
        return "对方拒绝连接"
    if isinstance(error, socket.gaierror):
        return "主机名查不到"
    return type(error).__name__
