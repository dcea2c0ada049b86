"""Settings from the environment."""

import pytest
import yaml

from chalicelib.settings import Settings, SettingsError
from infra import parts

CORE = parts.INFRA / "settings.yaml"
GOOD = {name: value for name, value in parts.examples().items() if name in yaml.safe_load(CORE.read_text())}


def load(**changes):
    return Settings.from_environ({name: value for name, value in {**GOOD, **changes}.items() if value is not None})


def test_all_but_five_settings_have_defaults():
    settings = load()
    assert settings.client_ids == {GOOD["APPLICATION_CLIENT_ID"]}
    assert settings.admin_group == "apiAdmins"
    assert settings.cors_origin == "*"
    assert settings.log_level == "INFO"
    assert settings.region == "eu-west-1"
    assert settings.issuer == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"
    assert settings.jwks_url == f"{settings.issuer}/.well-known/jwks.json"
    assert not settings.chalice_cli


def test_settings_are_immutable():
    with pytest.raises(AttributeError):
        load().admin_group = "everybody"


@pytest.mark.parametrize("name", GOOD)
def test_the_error_names_a_missing_setting(name):
    with pytest.raises(SettingsError, match=f"{name} is missing"):
        load(**{name: None})


@pytest.mark.parametrize("name", GOOD)
def test_an_empty_setting_counts_as_missing(name):
    with pytest.raises(SettingsError, match=f"{name} is missing"):
        load(**{name: " "})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("USERS_TABLE", "no spaces"),
        ("PROFILES_TABLE", "x"),
        ("USER_POOL_ID", "AbCdEf123"),
        ("USER_POOL_ID", "eu-west-1_Ab/../x"),
        ("USER_POOL_ARN", "eu-west-1_AbCdEf123"),
        ("USER_POOL_ARN", "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Another"),
        ("APPLICATION_CLIENT_ID", "one,,two"),
        ("APPLICATION_CLIENT_ID", "a b"),
        ("ADMIN_GROUP_NAME", "two words"),
        ("CORS_ORIGIN", "app.example.com"),
        ("CORS_ORIGIN", "https://app.example.com/path"),
        ("LOG_LEVEL", "LOUD"),
        ("JWKS_URL", "http://keys.example.com/jwks.json"),
        ("JWKS_URL", "file:///etc/passwd"),
        ("AWS_ENDPOINT_URL", "http://aws.example.com"),
    ],
)
def test_the_error_names_an_invalid_setting(name, value):
    with pytest.raises(SettingsError, match="JWKS_URL" if name == "AWS_ENDPOINT_URL" else name):
        load(**{name: value})


def test_all_invalid_settings_are_reported_at_once():
    with pytest.raises(SettingsError) as rejected:
        Settings.from_environ({"LOG_LEVEL": "LOUD"})
    assert all(name in str(rejected.value) for name in [*GOOD, "LOG_LEVEL"])


def test_several_app_clients_are_accepted():
    assert load(APPLICATION_CLIENT_ID="web, app").client_ids == {"web", "app"}


def test_an_endpoint_override_changes_the_jwks_url_but_not_the_issuer():
    settings = load(AWS_ENDPOINT_URL="http://127.0.0.1:4566/")
    assert settings.jwks_url == "http://127.0.0.1:4566/eu-west-1_AbCdEf123/.well-known/jwks.json"
    assert settings.issuer == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"


def test_an_explicit_jwks_url_takes_precedence():
    assert load(JWKS_URL="https://keys.example.com/j", AWS_ENDPOINT_URL="http://127.0.0.1:1").jwks_url == (
        "https://keys.example.com/j"
    )


def test_in_china_the_issuer_has_the_domain_of_china():
    pool = "cn-north-1_AbCdEf123"
    arn = f"arn:aws-cn:cognito-idp:cn-north-1:123456789012:userpool/{pool}"
    settings = load(USER_POOL_ID=pool, USER_POOL_ARN=arn)
    assert settings.issuer == f"https://cognito-idp.cn-north-1.amazonaws.com.cn/{pool}"


def test_the_region_of_the_function_takes_precedence_over_that_of_the_pool():
    assert load(AWS_REGION="eu-central-1").region == "eu-central-1"
    assert load(AWS_DEFAULT_REGION="eu-north-1").region == "eu-north-1"


def test_lambdas_log_format_is_text_unless_it_says_json():
    assert not load().logs_are_text
    assert load(AWS_LAMBDA_FUNCTION_NAME="f").logs_are_text
    assert load(AWS_LAMBDA_FUNCTION_NAME="f", AWS_LAMBDA_LOG_FORMAT="Text").logs_are_text
    assert not load(AWS_LAMBDA_FUNCTION_NAME="f", AWS_LAMBDA_LOG_FORMAT="JSON").logs_are_text
