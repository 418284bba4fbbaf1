"""Who is the operator: building and deleting environments costs network, disk and minutes."""

from __future__ import annotations

from fastapi import Depends, Request

from modelport_api.problems import Forbidden

MEMBER = "modelport.administrator"


def require_administrator(request: Request) -> None:
    """Refuse a request that has not the operator's rights; the guard has looked at its key.

    Raises:
        Forbidden: It has not.
    """
    if not request.scope.get(MEMBER, False):
        raise Forbidden(
            "only the operator may do this",
            hint="Send the key of MODELPORT_ADMIN_KEY, or run modelport env on the server.",
        )


Administrator = Depends(require_administrator)
