"""Ways in which an engine may touch the outside. Imported by cells; see test_boundary.py."""

# Any way to do it is meant, the old ones above all.
# ruff: noqa: PTH101, PTH102, PTH104, PTH107, PTH119, PTH120, PTH123, PTH208, PTH211, S103, S301, S605, SIM115

import array
import asyncio
import contextlib
import ctypes
import errno
import fcntl
import json
import logging.handlers
import mmap
import multiprocessing
import os
import resource
import shutil
import signal
import smtplib
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

from migration.model import Event, Origin, RunRequest
from migration.settings import MigrationSettings
from migration.shadow.engine_runner import Engines

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Outside:
    """What is there to be touched."""

    folder: str  #: writable by everybody; must stay as it is
    port: int  #: TCP, and the same of UDP, on 127.0.0.1
    unix: str  #: a listening socket
    pipe: str  #: a named pipe that somebody reads
    pid: int  #: a process that would note a signal
    secret: str  #: a file that nobody but its owner may know

    def file(self, name: str = "made") -> str:
        return f"{self.folder}/{name}"


Way = Callable[[Outside], object]
WAYS: dict[str, Way] = {}


def way(act: Way) -> Way:
    WAYS[act.__name__] = act
    return act


def c(call: str, *arguments: Any) -> int:
    """Call the C library; raises what it says went wrong."""
    status: int = getattr(libc, call)(*arguments)
    if status < 0:
        raise OSError(ctypes.get_errno(), call)
    return status


def raw(number: int, *arguments: Any) -> int:
    return c("syscall", number, *arguments)


def address(outside: Outside) -> bytes:
    return socket.AF_INET.to_bytes(2, sys.byteorder) + outside.port.to_bytes(2) + socket.inet_aton("127.0.0.1") + bytes(8)


# The network, by Python.


@way
def connect(outside: Outside) -> None:
    socket.create_connection(("127.0.0.1", outside.port))


@way
def send_a_datagram(outside: Outside) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", outside.port))


@way
def connect_a_datagram_socket(outside: Outside) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", outside.port))
        sender.send(b"x")


@way
def listen(_outside: Outside) -> None:
    socket.create_server(("127.0.0.1", 0))


@way
def connect_to_a_unix_socket(outside: Outside) -> None:
    socket.socket(socket.AF_UNIX).connect(outside.unix)


@way
def connect_to_an_abstract_socket(_outside: Outside) -> None:
    socket.socket(socket.AF_UNIX).connect("\0netra-ways")


@way
def listen_on_ipv6(_outside: Outside) -> None:
    socket.create_server(("::1", 0), family=socket.AF_INET6)


@way
def open_a_packet_socket(_outside: Outside) -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


@way
def open_a_netlink_socket(_outside: Outside) -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)


@way
def look_up_a_name(_outside: Outside) -> None:
    socket.getaddrinfo("netra.invalid", 80)


@way
def fetch_a_page(outside: Outside) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{outside.port}/", timeout=1)


@way
def send_mail(outside: Outside) -> None:
    smtplib.SMTP("127.0.0.1", outside.port, timeout=1)


@way
def speak_tls(outside: Outside) -> None:
    ssl.create_default_context().wrap_socket(socket.create_connection(("127.0.0.1", outside.port)))


@way
def connect_from_a_thread(outside: Outside) -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(connect, outside).result()


@way
def connect_from_a_thread_that_outlives_the_run(outside: Outside) -> None:
    def later() -> None:
        time.sleep(0.2)
        with contextlib.suppress(Exception):
            connect(outside)

    threading.Thread(target=later, daemon=True).start()


# The network, past Python: as a driver in C does.


@way
def c_connect(outside: Outside) -> None:
    c("connect", c("socket", socket.AF_INET, socket.SOCK_STREAM, 0), address(outside), 16)


@way
def c_send_a_datagram(outside: Outside) -> None:
    c("sendto", c("socket", socket.AF_INET, socket.SOCK_DGRAM, 0), b"x", 1, 0, address(outside), 16)


@way
def c_connect_to_a_unix_socket(outside: Outside) -> None:
    named = socket.AF_UNIX.to_bytes(2, sys.byteorder) + outside.unix.encode() + b"\0"
    c("connect", c("socket", socket.AF_UNIX, socket.SOCK_STREAM, 0), named, len(named))


@way
def c_look_up_a_name(_outside: Outside) -> None:
    c("getaddrinfo", b"netra.invalid", b"80", None, ctypes.byref(ctypes.c_void_p()))


@way
def c_connect_from_a_c_thread(outside: Outside) -> None:
    """A thread that Python never heard of."""
    kind = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)

    def work(_argument: object) -> None:
        libc.connect(libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0), address(outside), 16)

    body, thread = kind(work), ctypes.c_ulong()
    libc.pthread_create(ctypes.byref(thread), None, body, None)
    libc.pthread_join(thread, None)


@way
def c_io_uring(_outside: Outside) -> None:
    raw(425, 8, ctypes.create_string_buffer(256))


@way
def a_socket_from_a_pair_is_connected_elsewhere(outside: Outside) -> None:
    one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    c("connect", one.fileno(), socket.AF_UNIX.to_bytes(2, sys.byteorder) + outside.unix.encode(), 110)


@way
def a_socket_from_a_pair_sends_elsewhere(outside: Outside) -> None:
    one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    c("sendto", one.fileno(), b"x", 1, 0, socket.AF_UNIX.to_bytes(2, sys.byteorder) + outside.unix.encode(), 110)


# Files.


@way
def write_a_file(outside: Outside) -> None:
    Path(outside.file()).write_text("x")


@way
def append_to_a_file(outside: Outside) -> None:
    with open(outside.secret, "a") as file:
        file.write("x")


@way
def c_open_for_writing(outside: Outside) -> None:
    c("open", outside.file().encode(), os.O_WRONLY | os.O_CREAT, 0o600)


@way
def c_creat(outside: Outside) -> None:
    c("creat", outside.file().encode(), 0o600)


@way
def raw_openat2(outside: Outside) -> None:
    how = array.array("Q", [os.O_WRONLY | os.O_CREAT, 0o600, 0])
    raw(437, -100, outside.file().encode(), (ctypes.c_char * 24).from_buffer(how), 24)


@way
def open_a_file_without_a_name(outside: Outside) -> None:
    os.open(outside.folder, os.O_TMPFILE | os.O_RDWR)


@way
def make_a_temporary_file(_outside: Outside) -> None:
    tempfile.NamedTemporaryFile()


@way
def truncate(outside: Outside) -> None:
    os.truncate(outside.secret, 0)


@way
def remove(outside: Outside) -> None:
    os.remove(outside.secret)


@way
def c_unlink(outside: Outside) -> None:
    c("unlink", outside.secret.encode())


@way
def rename(outside: Outside) -> None:
    os.rename(outside.secret, outside.file())


@way
def c_rename(outside: Outside) -> None:
    c("rename", outside.secret.encode(), outside.file().encode())


@way
def make_a_folder(outside: Outside) -> None:
    os.mkdir(outside.file())


@way
def c_mkdir(outside: Outside) -> None:
    c("mkdir", outside.file().encode(), 0o700)


@way
def link(outside: Outside) -> None:
    os.link(outside.secret, outside.file())


@way
def symlink(outside: Outside) -> None:
    os.symlink(outside.secret, outside.file())


@way
def change_the_mode(outside: Outside) -> None:
    os.chmod(outside.secret, 0o777)


@way
def c_chmod(outside: Outside) -> None:
    c("chmod", outside.secret.encode(), 0o777)


@way
def change_the_owner(outside: Outside) -> None:
    os.chown(outside.secret, 1, 1)


@way
def change_the_times(outside: Outside) -> None:
    os.utime(outside.secret, (0, 0))


@way
def set_an_attribute(outside: Outside) -> None:
    os.setxattr(outside.secret, "user.x", b"x")


@way
def copy_a_file(outside: Outside) -> None:
    shutil.copy(__file__, outside.file())


@way
def lock_a_file(_outside: Outside) -> None:
    with open(__file__) as file:
        fcntl.flock(file, fcntl.LOCK_EX)


@way
def lock_a_part_of_a_file(_outside: Outside) -> None:
    with open(__file__) as file:
        fcntl.lockf(file, fcntl.LOCK_SH)


@way
def open_a_database(outside: Outside) -> None:
    sqlite3.connect(outside.file())


@way
def c_open_a_database(outside: Outside) -> None:
    """The driver in C itself, past Python's module."""
    library, handle = ctypes.CDLL("libsqlite3.so.0"), ctypes.c_void_p()
    library.sqlite3_open(outside.file().encode(), ctypes.byref(handle))
    library.sqlite3_exec(handle, b"CREATE TABLE t (x)", None, None, None)


@way
def log_to_a_file(outside: Outside) -> None:
    logging.getLogger("ways").addHandler(logging.FileHandler(outside.file()))


@way
def log_to_syslog(_outside: Outside) -> None:
    logging.handlers.SysLogHandler("/dev/log")


@way
def log_to_a_server(outside: Outside) -> None:
    handler = logging.handlers.SocketHandler("127.0.0.1", outside.port)
    handler.handle(logging.makeLogRecord({"msg": "x"}))


@way
def read_a_secret(outside: Outside) -> None:
    Path(outside.secret).read_text()


@way
def c_read_a_secret(outside: Outside) -> None:
    c("open", outside.secret.encode(), os.O_RDONLY)


@way
def read_the_environment_of_the_parent(_outside: Outside) -> None:
    Path(f"/proc/{os.getppid()}/environ").read_bytes()


# Pipes, memory and queues that others share.


@way
def make_a_named_pipe(outside: Outside) -> None:
    os.mkfifo(outside.file())


@way
def write_to_a_named_pipe(outside: Outside) -> None:
    os.open(outside.pipe, os.O_WRONLY | os.O_NONBLOCK)


@way
def c_write_to_a_named_pipe(outside: Outside) -> None:
    c("open", outside.pipe.encode(), os.O_RDWR)


@way
def make_shared_memory(_outside: Outside) -> None:
    shared_memory.SharedMemory("netra-ways", create=True, size=16)


@way
def c_make_shared_memory(_outside: Outside) -> None:
    c("shm_open", b"/netra-ways", os.O_RDWR | os.O_CREAT, 0o600)


@way
def c_make_a_system_v_segment(_outside: Outside) -> None:
    c("shmget", 0x6E65, 16, 0o1600)


@way
def c_make_a_system_v_queue(_outside: Outside) -> None:
    c("msgget", 0x6E65, 0o1600)


@way
def c_make_a_semaphore(_outside: Outside) -> None:
    c("semget", 0x6E65, 1, 0o1600)


@way
def c_make_a_message_queue(_outside: Outside) -> None:
    raw(240, b"netra-ways", os.O_CREAT | os.O_RDWR, 0o600, None)


@way
def map_a_file_for_writing(_outside: Outside) -> None:
    with open(__file__, "rb") as file:
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap(None, 4096, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, file.fileno(), 0)


@way
def c_write_into_another_process(outside: Outside) -> None:
    raw(311, outside.pid, None, 0, None, 0, 0)


@way
def c_trace_another_process(outside: Outside) -> None:
    c("ptrace", 16, outside.pid, None, None)


@way
def write_into_the_memory_of_the_parent(_outside: Outside) -> None:
    os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR)


@way
def c_keep_a_key_in_the_kernel(_outside: Outside) -> None:
    raw(248, b"user", b"netra-ways", b"x", 1, -3)


# Signals and processes.


@way
def send_a_signal(outside: Outside) -> None:
    os.kill(outside.pid, signal.SIGUSR1)


@way
def c_send_a_signal(outside: Outside) -> None:
    c("kill", outside.pid, signal.SIGUSR1)


@way
def c_send_a_signal_to_a_thread(outside: Outside) -> None:
    raw(234, outside.pid, outside.pid, signal.SIGUSR1)


@way
def send_a_signal_by_a_descriptor(outside: Outside) -> None:
    signal.pidfd_send_signal(os.pidfd_open(outside.pid), signal.SIGUSR1)


@way
def have_the_kernel_send_a_signal(outside: Outside) -> None:
    one, other = socket.socketpair()
    fcntl.fcntl(one, fcntl.F_SETOWN, outside.pid)
    fcntl.fcntl(one, fcntl.F_SETFL, os.O_ASYNC)
    other.send(b"x")


@way
def queue_a_signal(outside: Outside) -> None:
    c("sigqueue", outside.pid, signal.SIGUSR1, None)


@way
def signal_the_process_group(_outside: Outside) -> None:
    os.killpg(os.getpgid(os.getppid()), signal.SIGCONT)


@way
def start_a_program(outside: Outside) -> None:
    subprocess.run(["touch", outside.file()], check=True)


@way
def system(outside: Outside) -> None:
    os.system(f"touch {outside.file()}")


@way
def c_system(outside: Outside) -> None:
    if libc.system(f"touch {outside.file()}".encode()) != 0:
        raise OSError


@way
def posix_spawn(outside: Outside) -> None:
    os.posix_spawn("/usr/bin/touch", ["touch", outside.file()], {})


@way
def c_posix_spawn(outside: Outside) -> None:
    arguments = (ctypes.c_char_p * 3)(b"touch", outside.file().encode(), None)
    if libc.posix_spawn(ctypes.byref(ctypes.c_int()), b"/usr/bin/touch", None, None, arguments, None) != 0:
        raise OSError


@way
def fork(outside: Outside) -> None:
    if os.fork() == 0:
        Path(outside.file()).touch()
        os._exit(0)


@way
def c_fork(outside: Outside) -> None:
    if c("fork") == 0:
        libc.creat(outside.file().encode(), 0o600)
        os._exit(0)


@way
def raw_vfork(_outside: Outside) -> None:
    raw(58)


@way
def c_exec(outside: Outside) -> None:
    c("execv", b"/usr/bin/touch", (ctypes.c_char_p * 3)(b"touch", outside.file().encode(), None))


@way
def start_a_process_pool(_outside: Outside) -> None:
    with ProcessPoolExecutor(1) as pool:
        pool.submit(os.getpid).result(timeout=5)


@way
def start_a_forked_process(_outside: Outside) -> None:
    multiprocessing.get_context("fork").Process(target=os.getpid).start()


@way
def become_somebody_else(_outside: Outside) -> None:
    os.setuid(os.getuid())


@way
def change_the_priority_of_another(outside: Outside) -> None:
    os.setpriority(os.PRIO_PROCESS, outside.pid, 19)


@way
def change_the_limits_of_another(outside: Outside) -> None:
    resource.prlimit(outside.pid, resource.RLIMIT_CORE, (0, 0))


@way
def c_leave_the_namespace(_outside: Outside) -> None:
    c("unshare", 0x10000000)


@way
def c_mount(outside: Outside) -> None:
    c("mount", b"none", outside.folder.encode(), b"tmpfs", 0, None)


@way
def c_set_the_host_name(_outside: Outside) -> None:
    c("sethostname", b"netra-ways", 10)


@way
def c_lift_the_filter(_outside: Outside) -> None:
    c("prctl", 22, 0, 0, 0, 0)


@way
def c_outlive_the_parent(_outside: Outside) -> None:
    c("prctl", 1, 0, 0, 0, 0)


# By ordinary libraries.


@way
def fetch_by_httpx(outside: Outside) -> None:
    import httpx

    httpx.get(f"http://127.0.0.1:{outside.port}/", timeout=1, trust_env=False)


@way
def speak_to_redis(outside: Outside) -> None:
    import redis

    redis.Redis(port=outside.port, socket_timeout=1).ping()


@way
def speak_to_postgresql(outside: Outside) -> None:
    import psycopg

    psycopg.connect(f"host=127.0.0.1 port={outside.port} connect_timeout=2")


@way
def connect_on_a_loop_in_c(outside: Outside) -> None:
    import uvloop

    async def reach() -> None:
        await asyncio.open_connection("127.0.0.1", outside.port)

    with ThreadPoolExecutor() as pool:
        pool.submit(lambda: asyncio.Runner(loop_factory=uvloop.new_event_loop).run(reach())).result()


@way
def start_a_program_on_a_loop(outside: Outside) -> None:
    async def start() -> None:
        await asyncio.create_subprocess_exec("/usr/bin/touch", outside.file())

    with ThreadPoolExecutor() as pool:
        pool.submit(asyncio.run, start()).result()


@way
def serve_metrics(_outside: Outside) -> None:
    import prometheus_client

    prometheus_client.start_http_server(0, "127.0.0.1")


@way
def write_metrics_to_a_file(outside: Outside) -> None:
    import prometheus_client

    prometheus_client.write_to_textfile(outside.file(), prometheus_client.CollectorRegistry())


@way
def export_spans(outside: Outside) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"http://127.0.0.1:{outside.port}/", timeout=1)))
    tracing.get_tracer("ways").start_span("way").end()


@way
def log_by_http(outside: Outside) -> None:
    logging.handlers.HTTPHandler(f"127.0.0.1:{outside.port}", "/").handle(logging.makeLogRecord({"msg": "x"}))


@way
def call_by_xml(outside: Outside) -> None:
    from xmlrpc.client import ServerProxy

    ServerProxy(f"http://127.0.0.1:{outside.port}/").say("x")


@way
def c_log_to_syslog(_outside: Outside) -> None:
    import syslog

    syslog.syslog("netra-ways")


@way
def list_the_interfaces(_outside: Outside) -> None:
    socket.if_nameindex()


@way
def attach_a_database(outside: Outside) -> None:
    sqlite3.connect(":memory:").execute("ATTACH DATABASE ? AS other", [outside.file()]).execute("CREATE TABLE other.t (x)")


@way
def copy_a_database_out_of_memory(outside: Outside) -> None:
    sqlite3.connect(":memory:").execute("VACUUM INTO ?", [outside.file()])


@way
def open_a_database_by_sqlalchemy(outside: Outside) -> None:
    import sqlalchemy

    sqlalchemy.create_engine(f"sqlite:///{outside.file()}").connect()


@way
def keep_values_in_a_file(outside: Outside) -> None:
    import shelve

    shelve.open(outside.file())["x"] = 1


@way
def write_an_archive(outside: Outside) -> None:
    shutil.make_archive(outside.file(), "zip", os.path.dirname(__file__), os.path.basename(__file__))


@way
def make_a_temporary_folder(_outside: Outside) -> None:
    tempfile.mkdtemp()


@way
def open_a_terminal(_outside: Outside) -> None:
    os.openpty()


@way
def lock_between_processes(_outside: Outside) -> None:
    multiprocessing.Lock()


@way
def start_a_manager(_outside: Outside) -> None:
    multiprocessing.Manager()


@way
def c_watch_files(_outside: Outside) -> None:
    c("inotify_init")


@way
def hold_another_to_one_processor(outside: Outside) -> None:
    os.sched_setaffinity(outside.pid, [0])


@way
def have_others_wait_for_a_file(_outside: Outside) -> None:
    with open(__file__, "rb") as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)


@way
def flush_all_disks(_outside: Outside) -> None:
    os.sync()


@way
def list_the_folder_of_the_service(outside: Outside) -> None:
    os.listdir(os.path.dirname(outside.secret))


# What was open before.


@way
def write_to_standard_output(_outside: Outside) -> None:
    os.write(1, b"what a user said\n")


@way
def write_to_standard_error(_outside: Outside) -> None:
    os.write(2, b"what a user said\n")


@way
def c_print(_outside: Outside) -> None:
    libc.puts(b"what a user said")
    libc.fflush(None)


@way
def reopen_a_pipe_for_writing(_outside: Outside) -> None:
    for descriptor in os.listdir("/proc/self/fd"):
        os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY)


@way
def type_into_the_terminal(_outside: Outside) -> None:
    fcntl.ioctl(0, 0x5412, b"x")


# What is none: nothing is there, and the run that served heard the same.


def look_for_a_file_that_is_not_there(outside: Outside) -> None:
    try:
        open(outside.file()).read()
    except FileNotFoundError:
        return
    except OSError:
        connect(outside)  # answered otherwise: which is counted


def c_look_for_a_file_that_is_not_there(outside: Outside) -> None:
    libc.open(outside.file("none/made").encode(), os.O_RDONLY)
    if ctypes.get_errno() != errno.ENOENT:
        connect(outside)


HARMLESS: dict[str, Way] = {act.__name__: act for act in (look_for_a_file_that_is_not_there, c_look_for_a_file_that_is_not_there)}


class WayEngine:
    """Goes one way, and says nothing of how that ended."""

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        told = json.loads(request.payload)
        yield Event(kind="agent_started", lane="data", payload=b"{}", at_s=0.0)
        with contextlib.suppress(Exception):
            (WAYS | HARMLESS)[told["way"]](Outside(**told["outside"]))
            await asyncio.sleep(0)
        yield Event(kind="agent_completed", lane="data", payload=b"{}", at_s=0.0)


def engines(_settings: MigrationSettings) -> Engines:
    return Engines(build=lambda _surface, _origin: WayEngine())


__all__ = ["HARMLESS", "WAYS", "Origin", "Outside", "engines"]
