"""What a process that parses strangers' files may not do: open the network, start programs, write or delete files, take
all memory. Irrevocable, for the process that calls it.

Three layers: limits of the kernel (memory, no file may grow); where Linux has it, a filter of system calls (seccomp),
which holds for C libraries too; and Python's audit hook, which works everywhere and gives the clearer error.
"""

import ctypes
import platform
import resource
import struct
import sys
from typing import Any

_DENIED = {
    "x86_64": (0xC000003E, {  # numbers of arch/x86/entry/syscalls/syscall_64.tbl
        "socket": 41, "connect": 42, "socketpair": 53, "fork": 57, "vfork": 58, "execve": 59, "kill": 62,
        "truncate": 76, "ftruncate": 77, "rename": 82, "rmdir": 84, "unlink": 87, "chmod": 90, "ptrace": 101,
        "unlinkat": 263, "renameat": 264, "renameat2": 316, "execveat": 322, "io_uring_setup": 425}),
    "aarch64": (0xC00000B7, {  # numbers of include/uapi/asm-generic/unistd.h
        "unlinkat": 35, "renameat": 38, "truncate": 45, "ftruncate": 46, "ptrace": 117, "kill": 129, "socket": 198,
        "socketpair": 199, "connect": 203, "execve": 221, "renameat2": 276, "execveat": 281, "io_uring_setup": 425}),
}
_REFUSED_EVENTS = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.system", "os.spawn", "os.kill",
                   "os.remove", "os.rename", "os.rmdir", "os.truncate", "shutil.", "ftplib.", "urllib.", "smtplib.")

_LOAD, _EQUALS, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO, _EPERM = 0x7FFF0000, 0x00050000, 1
_X32 = 0x40000000
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def confine(memory_mb: int) -> None:
    """From now on; nothing that is needed afterwards may still have to be compiled to disk or opened on the network."""
    memory = memory_mb << 20
    for what, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (limit, limit) if hard == resource.RLIM_INFINITY else (min(limit, hard), hard))
    sys.dont_write_bytecode = True
    filter_system_calls()
    sys.addaudithook(_audit)


def allow_seconds(seconds: int) -> None:
    """So much more computing from now on; then the kernel ends the process with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def filter_system_calls() -> bool:
    """Denied ones fail with EPERM; whether this machine can do it."""
    arch, denied = _DENIED.get(platform.machine(), (0, {}))
    if not denied or not sys.platform.startswith("linux"):
        return False
    numbers = sorted(denied.values())
    refuse = len(numbers) + 2  # how many instructions lie between the first check of a number and the refusal
    program = [(_LOAD, 0, 0, 4), (_EQUALS, 0, refuse + 1, arch), (_LOAD, 0, 0, 0), (_AT_LEAST, refuse - 1, 0, _X32)]
    program += [(_EQUALS, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return bool(libc.prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.c_void_p(ctypes.addressof(header)), 0, 0) == 0)


def _audit(event: str, _arguments: tuple[Any, ...]) -> None:
    if event.startswith(_REFUSED_EVENTS):
        raise PermissionError(f"a parser of documents may not do this: {event}")
