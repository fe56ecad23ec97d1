"""kubectl, bound to one context that has been looked at before anything is touched."""

import shutil
import subprocess
from collections.abc import Container
from dataclasses import dataclass
from typing import BinaryIO

from deploy.cluster.overlay import NAMESPACE, Overlay
from deploy.local.errors import LocalError


@dataclass(frozen=True)
class Kubectl:
    """Commands in the namespace of the service, in one context."""

    context: str
    namespace: str = NAMESPACE

    def show(self, *arguments: str, accept: Container[int] = (0,)) -> int:
        """Runs it on the caller's terminal and returns its exit code. Raises LocalError for any other."""
        command = self._command(arguments)
        code = subprocess.run(command, check=False).returncode
        if code not in accept:
            raise LocalError(f"`{' '.join(command)}` failed with {code} (its reason is above).")
        return code

    def ask(self, *arguments: str, given: str | None = None) -> str:
        """What it answers to ``given`` as its input. Raises LocalError with its own reason."""
        command = self._command(arguments)
        result = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if result.returncode:
            raise LocalError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
        return result.stdout.strip()

    def pour(self, *arguments: str, source: BinaryIO | None = None, target: BinaryIO | None = None) -> str:
        """Bytes of any number from one file to another through it, and what it says besides.

        Raises LocalError with its own reason.
        """
        command = self._command(arguments)
        result = subprocess.run(
            command,
            stdin=source or subprocess.DEVNULL,
            stdout=target or subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        said = result.stderr.decode(errors="replace").strip()
        if result.returncode:
            raise LocalError(f"`{' '.join(command)}` failed: {said[-1000:]}")
        return said

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return ["kubectl", f"--context={self.context}", f"--namespace={self.namespace}", *arguments]


def kubectl_for(overlay: Overlay, named: str | None, current: str | None = None) -> Kubectl:
    """Bound to the context that is named, or to the current one if it is the overlay's own.

    Raises LocalError for another one: a wrong context is how a laptop's command reaches production.
    """
    if named:
        return Kubectl(named, overlay.namespace)
    current = current_context() if current is None else current
    if current != overlay.context:
        raise LocalError(
            f"The overlay {overlay.name} belongs to the context {overlay.context}, but kubectl is at "
            f"{current or 'none'}: `kubectl config use-context {overlay.context}`, or say "
            f"CONTEXT={current or 'NAME'} if you mean that one."
        )
    return Kubectl(current, overlay.namespace)


def current_context() -> str:
    """Empty if there is none."""
    if shutil.which("kubectl") is None:
        raise LocalError("kubectl is not here: install it (1.30 or newer).")
    result = subprocess.run(
        ["kubectl", "config", "current-context"], capture_output=True, text=True, check=False
    )
    return result.stdout.strip()
