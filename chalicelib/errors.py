"""
Everything that can go wrong, as one tree.

    TwoFactorError
      RequestError             the caller can mend it
        BodyMalformedError  BodyTooLargeError  MediaTypeUnsupportedError
        OtpMalformedError  CrossSiteRequestError  EdgeBypassedError  NotFoundError
        TenantSuspendedError  ReturnUrlNotRegisteredError  IdentityNotVerifiedError
        RecoveryCodeMalformedError  ResetCodeMalformedError  SearchUnfinishedError
      SignInError              who is asking is not proven
        NotSignedInError  ReauthenticationRequiredError
        VerificationRequiredError  PasswordMismatchError  PasswordHeldByPortalError
        ClientNotAuthenticatedError
        ResetCodeRequiredError  ResetCodeMismatchError  ResetCodeExpiredError
      HandOffError             on the way from a portal, or back to it
        HandOffExpiredError  NotHandedOffError  ReturnCodeUsedError
      EnrolmentError           binding an authenticator
        EnrolmentNotBegunError  EnrolmentReplacedError  EnrolmentExpiredError
        EnrolmentAlreadyConfirmedError  EnrolmentAttemptsExhaustedError
        TooManyAuthenticatorsError  LastAuthenticatorError
      VerificationError        proving possession of one
        NotEnrolledError  OtpMismatchError  ClockSkewError
        OtpAlreadyUsedError  AuthenticatorDisabledError
        RecoveryCodeMismatchError  RecoveryCodeUsedError
        RecoveryCodesReplacedError  RecoveryCodesDisabledError
      TooManyAttemptsError     wait, then try again
        ResetNotOpenError
      ServiceError             ours to mend
        ServiceUnavailableError  SecretIntegrityError  NewerRowError
      ConditionRefusedError    a conditional write lost; never leaves the service

Success returns a small frozen value, everything else raises: an unread boolean
can let nobody in. Errors know nothing of HTTP; ``web.problems`` maps them.
No message holds a secret, a code, a password or a provisioning URI.
"""

from __future__ import annotations


class TwoFactorError(Exception):
    """Any refusal or failure of this service."""


class RequestError(TwoFactorError):
    """The request itself is at fault."""


class BodyMalformedError(RequestError):
    """The body is not the JSON object this route takes."""

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class BodyTooLargeError(RequestError):
    """The body exceeds the size any route takes."""


class MediaTypeUnsupportedError(RequestError):
    """The body is not declared as application/json."""


class OtpMalformedError(RequestError):
    """What was typed is not six digits; nothing was counted."""


class CrossSiteRequestError(RequestError):
    """The request does not come from our own page."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EdgeBypassedError(RequestError):
    """The request did not pass through our own front door."""


class NotFoundError(RequestError):
    """There is no such thing, or none that the caller may know of."""


class SearchUnfinishedError(RequestError):
    """There is more to look through than one request may, and what was sought is not in the first of it."""


class TenantSuspendedError(RequestError):
    """The operator has closed the service to this tenant for now."""


class ReturnUrlNotRegisteredError(RequestError):
    """The address to return to is not one of the tenant's own, letter by letter."""


class IdentityNotVerifiedError(RequestError):
    """The portal does not vouch that the user is who the id says."""


class RecoveryCodeMalformedError(RequestError):
    """What was typed cannot be a recovery code; nothing was counted."""


class ResetCodeMalformedError(RequestError):
    """What was typed cannot be the help desk's one-time code; nothing was counted."""


class SignInError(TwoFactorError):
    """Who is asking has not been proven."""


class NotSignedInError(SignInError):
    """No session, or one that has ended."""


class ReauthenticationRequiredError(SignInError):
    """The password was proven too long ago for this."""


class VerificationRequiredError(SignInError):
    """An authenticator is active and this session has not used it."""


class PasswordMismatchError(SignInError):
    """User name and password do not belong together."""


class PasswordHeldByPortalError(SignInError):
    """The portal, and not our directory, knows the password."""


class ClientNotAuthenticatedError(SignInError):
    """No portal's client has proven that it asks; why is told to nobody."""


class ResetCodeRequiredError(SignInError):
    """The help desk has reset the second factor: the code that it said comes first."""


class ResetCodeMismatchError(SignInError):
    """It is not the code that the help desk said; the attempt stays counted."""


class ResetCodeExpiredError(SignInError):
    """The help desk's code is too old, tried too often or replaced by a newer one."""


class HandOffError(TwoFactorError):
    """The way from a portal or back to it is closed."""


class HandOffExpiredError(HandOffError):
    """The link was used, is too old, or never was."""


class NotHandedOffError(HandOffError):
    """The session did not come from a portal, so there is none to return to."""


class ReturnCodeUsedError(HandOffError):
    """The code was redeemed before: somebody else may have seen it. Alarm."""


class EnrolmentError(TwoFactorError):
    """Binding an authenticator cannot go on."""


class EnrolmentNotBegunError(EnrolmentError):
    """This sign-in has no pending authenticator."""


class EnrolmentReplacedError(EnrolmentError):
    """Another sign-in, or a newer begin, took the pending place."""


class EnrolmentExpiredError(EnrolmentError):
    """The pending authenticator is too old to confirm."""


class EnrolmentAttemptsExhaustedError(EnrolmentError):
    """Too many wrong codes; this pending authenticator can no longer be confirmed."""


class EnrolmentAlreadyConfirmedError(EnrolmentError):
    """The authenticator was confirmed already, in another tab or request."""


class TooManyAuthenticatorsError(EnrolmentError):
    """The user has as many authenticators as one may have."""


class LastAuthenticatorError(EnrolmentError):
    """The tenant asks for a second factor, and this authenticator is the only one."""


class VerificationError(TwoFactorError):
    """Possession of the authenticator is not proven."""


class NotEnrolledError(VerificationError):
    """The user has no authenticator."""


class OtpMismatchError(VerificationError):
    """The code belongs to no time step of the window."""


class ClockSkewError(VerificationError):
    """
    The code belongs to a time step outside the window: the phone's clock is off.

    *drift_seconds* is positive when the phone is ahead. Told at set-up only; at
    sign-in it would hand a guesser further codes to try.
    """

    def __init__(self, *, drift_seconds: int) -> None:
        super().__init__()
        self.drift_seconds = drift_seconds


class OtpAlreadyUsedError(VerificationError):
    """The code's time step, or a later one, was accepted before."""


class AuthenticatorDisabledError(VerificationError):
    """Too many wrong codes in a row; only a reset and a new enrolment help."""


class RecoveryCodeMismatchError(VerificationError):
    """It is none of the user's recovery codes; the attempt stays counted."""


class RecoveryCodeUsedError(VerificationError):
    """The recovery code is right and was spent before; the attempt stays counted."""


class RecoveryCodesReplacedError(VerificationError):
    """A newer set has taken the place of these recovery codes."""


class RecoveryCodesDisabledError(VerificationError):
    """Too many wrong recovery codes in a row; only a new set or a reset helps."""


class TooManyAttemptsError(TwoFactorError):
    """The attempt was refused unread; the next is taken from *retry_at_epoch_seconds*."""

    def __init__(self, *, retry_at_epoch_seconds: int) -> None:
        super().__init__()
        self.retry_at_epoch_seconds = retry_at_epoch_seconds


class ResetNotOpenError(TooManyAttemptsError):
    """The tenant lets a reset wait, so that the owner can protest; the code is taken from then on."""


class ServiceError(TwoFactorError):
    """A fault of ours or of what we stand on."""


class ServiceUnavailableError(ServiceError):
    """DynamoDB or KMS did not answer as it should; nothing was accepted."""


class SecretIntegrityError(ServiceError):
    """A sealed secret does not open where it lies: tampering or a lost key. Alarm."""


class NewerRowError(ServiceError):
    """A newer release wrote this row: it is neither read nor changed. Alarm."""


class ConditionRefusedError(TwoFactorError):
    """A conditional write found other state than it asked for."""
