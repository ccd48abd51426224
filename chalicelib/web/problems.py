"""
The one table from errors to HTTP (RFC 9457 problem details).

Texts here are for developers; the page has its own words for every code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib import errors
from chalicelib.errors import TwoFactorError
from chalicelib.standing import timestamp

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:tvasteg:problem:"
# How soon to come back when the fault is ours and nobody knows for how long.
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Problem:
    """How one kind of error is answered, and as which alarm it is told to the operator, if any."""

    status: int
    code: str
    title: str
    alarm: str | None = None


PROBLEMS: dict[type[TwoFactorError], Problem] = {
    errors.BodyMalformedError: Problem(400, "body_malformed", "The body is not what this route takes"),
    errors.OtpMalformedError: Problem(400, "otp_malformed", "A code is six digits"),
    errors.RecoveryCodeMalformedError: Problem(
        400, "recovery_code_malformed", "A recovery code is a letter and thirteen characters"
    ),
    errors.ResetCodeMalformedError: Problem(
        400, "reset_code_malformed", "The help desk's code is eight characters"
    ),
    errors.NotSignedInError: Problem(401, "not_signed_in", "Sign in first"),
    errors.ReauthenticationRequiredError: Problem(
        401, "reauthentication_required", "Prove the password again first"
    ),
    errors.VerificationRequiredError: Problem(
        401, "verification_required", "Give a code of the active authenticator first"
    ),
    errors.ResetCodeRequiredError: Problem(
        401, "reset_code_required", "Give the help desk's one-time code first"
    ),
    errors.ClientNotAuthenticatedError: Problem(
        401, "client_not_authenticated", "Authenticate with a fresh JWT of a registered key"
    ),
    errors.CrossSiteRequestError: Problem(
        403, "cross_site_request", "The request does not come from our page"
    ),
    errors.EdgeBypassedError: Problem(403, "edge_bypassed", "Use the public address"),
    errors.IdentityNotVerifiedError: Problem(
        403, "identity_not_verified", "Hand over only users whose identity is verified"
    ),
    errors.ReturnUrlNotRegisteredError: Problem(
        403, "return_url_not_registered", "Use a return address of the tenant's profile"
    ),
    errors.TenantSuspendedError: Problem(403, "tenant_suspended", "The operator has suspended the tenant"),
    errors.NotFoundError: Problem(404, "not_found", "There is no such thing"),
    errors.SearchUnfinishedError: Problem(
        404, "search_unfinished", "It is not among the latest, and there were too many to look through all"
    ),
    errors.OtpAlreadyUsedError: Problem(409, "otp_already_used", "This code was used before"),
    errors.EnrolmentNotBegunError: Problem(409, "enrolment_not_begun", "Begin the enrolment first"),
    errors.EnrolmentReplacedError: Problem(
        409, "enrolment_replaced", "Another sign-in began its own enrolment"
    ),
    errors.EnrolmentAlreadyConfirmedError: Problem(
        409, "enrolment_already_confirmed", "The authenticator is active already"
    ),
    errors.NotEnrolledError: Problem(409, "not_enrolled", "The user has no authenticator"),
    errors.TooManyAuthenticatorsError: Problem(
        409, "too_many_authenticators", "The user has five authenticators already"
    ),
    errors.LastAuthenticatorError: Problem(
        409, "last_authenticator", "The tenant asks for a second factor: replace the last one instead"
    ),
    errors.RecoveryCodeUsedError: Problem(409, "recovery_code_used", "This recovery code was used before"),
    errors.RecoveryCodesReplacedError: Problem(
        409, "recovery_codes_replaced", "A newer set took the place of these recovery codes"
    ),
    errors.NotHandedOffError: Problem(409, "not_handed_off", "The session did not come from a portal"),
    errors.PasswordHeldByPortalError: Problem(
        409, "password_held_by_portal", "The portal must ask for the password"
    ),
    errors.ReturnCodeUsedError: Problem(
        409, "return_code_used", "The code was redeemed before", alarm="return_code_used"
    ),
    errors.HandOffExpiredError: Problem(410, "hand_off_expired", "The link was used or is too old"),
    errors.EnrolmentExpiredError: Problem(410, "enrolment_expired", "The key was not confirmed in time"),
    errors.EnrolmentAttemptsExhaustedError: Problem(
        410, "enrolment_attempts_exhausted", "Too many wrong codes for this key"
    ),
    errors.ResetCodeExpiredError: Problem(
        410, "reset_code_expired", "The help desk's code no longer works; ask for a new one"
    ),
    errors.BodyTooLargeError: Problem(413, "body_too_large", "The body is too large"),
    errors.MediaTypeUnsupportedError: Problem(415, "media_type_unsupported", "Send application/json"),
    errors.OtpMismatchError: Problem(422, "otp_mismatch", "The code is not right"),
    errors.RecoveryCodeMismatchError: Problem(
        422, "recovery_code_mismatch", "It is none of the recovery codes"
    ),
    errors.ResetCodeMismatchError: Problem(422, "reset_code_mismatch", "It is not the help desk's code"),
    errors.ClockSkewError: Problem(422, "clock_skew", "The clock of the phone is off"),
    errors.PasswordMismatchError: Problem(
        422, "password_mismatch", "User name and password do not belong together"
    ),
    errors.AuthenticatorDisabledError: Problem(
        423, "authenticator_disabled", "Too many wrong codes in a row; the help desk must reset"
    ),
    errors.RecoveryCodesDisabledError: Problem(
        423, "recovery_codes_disabled", "Too many wrong recovery codes in a row"
    ),
    errors.ResetNotOpenError: Problem(
        429, "reset_not_open", "The reset waits, so that the owner can protest"
    ),
    errors.TooManyAttemptsError: Problem(429, "too_many_attempts", "Wait before the next attempt"),
    errors.ServiceUnavailableError: Problem(
        503, "service_unavailable", "Try again with the same Idempotency-Key"
    ),
    # To the user a secret that does not open is an outage; to us it is an alarm. So is a
    # row that only a newer release can read.
    errors.SecretIntegrityError: Problem(
        503, "service_unavailable", "Try again with the same Idempotency-Key", alarm="secret_integrity"
    ),
    errors.NewerRowError: Problem(
        503, "service_unavailable", "Try again with the same Idempotency-Key", alarm="newer_row"
    ),
    # A race nobody won: nothing changed, and asking again settles it.
    errors.ConditionRefusedError: Problem(
        503, "service_unavailable", "Try again with the same Idempotency-Key"
    ),
}
INTERNAL_ERROR = Problem(500, "internal_error", "The fault is ours")


def problem_for(error: Exception) -> Problem:
    """Return how *error* is answered; whatever is not in the table is a fault of ours."""
    for kind in type(error).__mro__:
        if kind in PROBLEMS:
            return PROBLEMS[kind]
    return INTERNAL_ERROR


def problem_body(problem: Problem, error: Exception, *, reference: str | None) -> dict[str, Any]:
    """Return the JSON object that tells *error*."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": getattr(error, "reason", problem.title),
    }
    if reference is not None:
        body["reference"] = reference
    match error:
        case errors.TooManyAttemptsError():
            body["retry_at"] = timestamp(error.retry_at_epoch_seconds)
        case errors.ClockSkewError():
            body["drift_seconds"] = error.drift_seconds
        case errors.BodyMalformedError() if error.field is not None:
            body["field"] = error.field
    return body


def retry_after_seconds(problem: Problem, error: Exception, *, now: int) -> int | None:
    """Return what the header Retry-After says, or None where waiting does not help."""
    if isinstance(error, errors.TooManyAttemptsError):
        return max(1, error.retry_at_epoch_seconds - now)
    return RETRY_AFTER_SECONDS if problem.status == 503 else None  # noqa: PLR2004 - the HTTP status
