"""Debian packages made here, in place of those that a registry would give."""

import io
import tarfile


def tar(files: dict[str, bytes], mode: str) -> bytes:
    """A tar archive with these files, by path."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def deb(files: dict[str, bytes]) -> bytes:
    """A Debian package with these files, by path: an ar archive with an xz tar inside."""
    package = b"!<arch>\n"
    tree = tar({f"./{name.strip('/')}": content for name, content in files.items()}, "w:xz")
    for name, content in (("debian-binary", b"2.0\n"), ("data.tar.xz", tree)):
        package += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode() + content
        package += b"\n" * (len(content) % 2)
    return package
