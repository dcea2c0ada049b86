"""The user's AWS account: clients for it, and a sentence for each way in which a request to it fails."""

import os
from typing import Any

import botocore.exceptions as errors
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from infra.failure import Failure

NO_CREDENTIALS = "No AWS credentials found: run aws configure (or aws sso login), or set AWS_PROFILE."
NO_REGION = "No AWS region is configured: set AWS_REGION, or run aws configure."

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
UNKNOWN_KEY = {"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"}
WRONG_SIGNATURE = {"InvalidSignatureException", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
THROTTLED = {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}

FAILURES: list[tuple[type[Exception] | tuple[type[Exception], ...], str]] = [
    (errors.NoCredentialsError, NO_CREDENTIALS),
    (
        errors.PartialCredentialsError,
        "The AWS credentials are incomplete ({error}): set both the access key and its secret, or run aws configure.",
    ),
    (errors.NoRegionError, NO_REGION),
    (
        (errors.InvalidRegionError, errors.UnknownRegionError, errors.UnknownEndpointError),
        "The configured AWS region is not valid ({error}): set AWS_REGION to a region such as eu-west-1.",
    ),
    (
        errors.ProfileNotFound,
        "{error}: set AWS_PROFILE to a profile that aws configure list-profiles prints, or unset it.",
    ),
    (
        (errors.SSOError, errors.TokenRetrievalError, errors.NoAuthTokenError),
        "Your AWS sign-in has expired or is missing ({error}): run aws sso login.",
    ),
    (errors.LoginError, "Your AWS sign-in has expired or is missing ({error}): run aws login."),
    (
        (errors.CredentialRetrievalError, errors.MetadataRetrievalError),
        "The AWS credentials can't be retrieved ({error}): check your profile in ~/.aws/config.",
    ),
    (
        (
            errors.ConfigParseError,
            errors.ConfigNotFound,
            errors.InvalidConfigError,
            errors.InvalidRetryConfigurationError,
        ),
        "The AWS configuration is not valid ({error}): correct it, or run aws configure.",
    ),
    (
        (errors.ConnectTimeoutError, errors.ReadTimeoutError),
        "AWS did not respond in time ({error}): check your network connection, then run the command again.",
    ),
    (
        errors.ProxyConnectionError,
        "The proxy can't be reached ({error}): check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
    ),
    (
        errors.SSLError,
        "AWS's certificate can't be verified ({error}): if your network inspects TLS, set AWS_CA_BUNDLE.",
    ),
    (
        (errors.ConnectionError, errors.HTTPClientError),
        "AWS can't be reached ({error}): check your network connection, the region and AWS_ENDPOINT_URL.",
    ),
    (BotoCoreError, "The request to AWS failed ({error}): check your AWS configuration, then run the command again."),
]
"""The sentences for errors on this side of the connection. The first that fits an error is used."""

CODES = [
    (EXPIRED, "Your AWS credentials have expired ({error}): run aws sso login, or renew them as you obtained them."),
    (UNKNOWN_KEY, "AWS does not know the access key ({error}): run aws configure, or set AWS_PROFILE."),
    (
        WRONG_SIGNATURE,
        "AWS rejected the request's signature ({error}): check the secret access key and this computer's clock.",
    ),
    (DENIED, "AWS denied a request ({error}): grant the role infra/deploy-policy.json (see docs/deployment.md)."),
    (THROTTLED, "AWS is limiting the rate of requests ({error}): wait a minute, then run the command again."),
]

REJECTED = "AWS rejected a request ({error}): correct what it names, then run the command again."


def session() -> Session:
    """Return a session with the user's credentials. Raise ``Failure`` or botocore's error if it can't have any.

    botocore reads ``AWS_DEFAULT_REGION`` and the profile's region. ``AWS_REGION`` takes precedence over both, as in
    the AWS CLI.
    """
    made = Session(region_name=os.environ.get("AWS_REGION") or None)
    if not made.region_name:
        raise Failure(NO_REGION)
    try:
        credentials = made.get_credentials()
        frozen = credentials and credentials.get_frozen_credentials()
    except BotoCoreError:
        raise
    except (OSError, ValueError) as error:  # a credential_process that does not exist, or that prints no JSON
        raise Failure(f"The profile's credential_process failed ({error}): correct it in ~/.aws/config.") from None
    if not frozen:
        raise Failure(NO_CREDENTIALS)
    client(made, "cloudformation")  # so that an invalid region or endpoint fails before anything is printed
    return made


def client(made: Session, service: str) -> Any:
    """Return a client. Raise ``Failure`` if the configured endpoint is not a URL."""
    create: Any = made.client
    try:
        return create(service)
    except BotoCoreError:
        raise
    except ValueError as error:
        raise Failure(f"{error}: set AWS_ENDPOINT_URL to a URL, or unset it.") from None


def sentence(error: BotoCoreError | ClientError) -> str:
    """Return what went wrong and what to do about it, in one sentence."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        template = next((text for codes, text in CODES if code in codes), REJECTED)
    else:
        template = next(text for kinds, text in FAILURES if isinstance(error, kinds))
    return template.format(error=" ".join(str(error).split()).rstrip(".:"))
