"""Adds Cognito's rules to ministack's Cognito: sessions, codes, limits, protected attributes, lists, token rotation.

ministack implements the operations, but lets much through that Cognito rejects. This package replaces private functions
of ``ministack.services.cognito``, so ``embedded/emulator/__main__.py`` requires one exact version. Each rule has its
source in the docstring, or in the docstring of its test in ``tests/embedded/test_cognito.py``.
"""

import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from ministack import app
from ministack.services import cognito as ministack

from embedded.emulator.cognito import accounts, attributes, directory, hosted, pools, sign_in, tokens, totp
from embedded.emulator.cognito.pools import Data
from embedded.emulator.cognito.rejected import Rejected

Handler = Callable[[Data], Any]
OPERATIONS: dict[str, Handler] = {**attributes.OPERATIONS, **totp.OPERATIONS}
"""The operations that ministack does not have."""
TEMPLATES = "ministack.services.cloudformation.provisioners"

_one_at_a_time = threading.RLock()
_dispatch_idp = ministack._dispatch_idp
_get_module = app._get_module


def install() -> None:
    """Replace ministack's functions. Raise ``AttributeError`` if one does not exist."""
    replaced: dict[str, Callable[..., Any]] = {
        "_dispatch_idp": _dispatch,
        "_run_idp_handler": _run,
        "_resolve_user": pools.resolve,
    }
    for module in (accounts, attributes, directory, hosted, sign_in, tokens, totp):
        replaced |= module.REPLACED
    for name, function in replaced.items():
        getattr(ministack, name)
        setattr(ministack, name, function)
    ministack._UNSIGNED_IDP_ACTIONS.update(name for name in OPERATIONS if not name.startswith("Admin"))
    app._get_module = _module


async def _dispatch(action: str, data: dict[str, Any]) -> Any:
    handler = OPERATIONS.get(action)
    if handler is None:
        return await _dispatch_idp(action, data)
    return await ministack.run_reentrant(_run, handler, action, data, thread_name="cognito")


def _run(handler: Handler, action: str, data: dict[str, Any]) -> Any:
    """Check what all operations have in common, call the handler and return its response.

    One request at a time, because handlers check first and change the state afterwards. If a pool has Lambda triggers,
    requests are concurrent: a trigger may call Cognito itself.
    """
    if action in ministack._UNSIGNED_IDP_ACTIONS:
        ministack._pin_unsigned_idp_scope(data)
    error = (
        ministack._validate_client_secret_hash(action, data)
        or ministack._auth_flow_error(action, data)
        or ministack._access_token_error(data)
        or _reset_error(action, data)
    )
    if error:
        return error
    has_triggers = any(pool.get("LambdaConfig") for _, pool in ministack._all_pools())
    with nullcontext() if has_triggers else _one_at_a_time:
        try:
            answer = handler(data)
        except Rejected as rejection:
            return ministack.error_response_json(rejection.code, str(rejection), 400)
    return answer if isinstance(answer, tuple) else ministack.json_response(answer)


def _reset_error(action: str, data: dict[str, Any]) -> Any:
    """Return ``PasswordResetRequiredException`` for an access token whose user must reset the password, or ``None``.

    Source: the errors of each operation that takes an access token. Of those here, only one does not list it.
    """
    if not data.get("AccessToken") or action == "AssociateSoftwareToken":
        return None
    user, _ = ministack._user_pool_for_access_token(data["AccessToken"])
    is_required = user is not None and user.get("UserStatus") == "RESET_REQUIRED"
    return ministack._password_reset_required() if is_required else None


def _module(name: str) -> Any:
    """Return a module of ministack. Let CloudFormation pass on the setting of app clients that ministack ignores."""
    module = _get_module(name)
    if TEMPLATES in sys.modules:
        sys.modules[TEMPLATES]._COGNITO_USER_POOL_CLIENT_UPDATABLE.setdefault(tokens.SETTING, None)
    return module
