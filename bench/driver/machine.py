"""What a figure means nothing without: the machine and the interpreter."""

import os
import platform
import sys
import sysconfig
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Context:
    """When, where and by which clock a run was made.

    Attributes:
        versions: Of each implementation.
        left_out: Why an implementation was not measured.
    """

    date: str
    clock: str
    machine: dict[str, str]
    versions: dict[str, str]
    left_out: dict[str, str] = field(default_factory=dict)


def shape() -> dict[str, str]:
    """The machine and the interpreter in the words of a results page; names no host and no path."""
    release = platform.release().partition("-")[0]
    return {
        "processor": _first_value("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": _memory(),
        "system": " ".join((platform.system(), release, platform.machine())),
        "python": _python(),
    }


def _python() -> str:
    configured = sysconfig.get_config_var("CONFIG_ARGS") or ""
    if "--enable-optimizations" in configured:
        optimised = "optimised with a profile"
    elif sys.base_prefix == "/usr":
        # Distributions optimise in ways of their own, which it does not tell.
        optimised = "as the system has it"
    else:
        optimised = "not optimised with a profile"
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{platform.python_implementation()} {version}, {optimised}"


def _memory() -> str:
    kibibytes = _first_value("/proc/meminfo", "MemTotal").split()
    return f"{int(kibibytes[0]) / 2**20:.0f} GiB" if kibibytes else "unknown"


def _first_value(path: str, key: str) -> str:
    """The value of the first ``key : value`` line, empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == key:
                    return value.strip()
    except OSError:
        pass
    return ""
