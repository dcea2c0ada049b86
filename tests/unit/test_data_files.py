"""botocore's files about services are those that botocore itself would find."""

import json
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader
from botocore.session import Session

from chalicelib.storage import dynamodb, identity_pool
from chalicelib.storage.cognito import service as cognito
from chalicelib.storage.connections import Connection
from chalicelib.storage.data_files import FewFolders

LISTS = {
    cognito.SERVICE: "list_user_pools",
    dynamodb.SERVICE: "list_tables",
    identity_pool.SERVICE: "list_identity_pools",
}
"""The services whose addresses depend only on the region, and an operation of each."""
UNCHECKED = Config(parameter_validation=False)
PARTITIONS = Loader().load_data("partitions")
REGIONS = [name for partition in PARTITIONS["partitions"] for name in partition["regions"] if "global" not in name]
LATER = ["eu-north-9", "us-gov-south-9", "cn-east-9"]
"""Regions that AWS could open."""
TYPES = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")


@pytest.fixture
def loader():
    return FewFolders(None)


@pytest.mark.parametrize("service", ["dynamodb", "cognito-idp", "cognito-identity", "s3", "sts"])
@pytest.mark.parametrize("kind", TYPES)
def test_the_files_are_botocores(loader, service, kind):
    try:
        expected = Loader().load_service_model(service, kind)
    except (DataNotFoundError, UnknownServiceError) as error:
        with pytest.raises(type(error)):
            loader.load_service_model(service, kind)
    else:
        assert loader.load_service_model(service, kind) == expected


def test_an_unknown_service_is_reported_with_those_that_are_known(loader):
    with pytest.raises(UnknownServiceError, match=r"accessanalyzer, .*dynamodb, "):
        loader.load_service_model("dynamo", "service-2")


def test_a_newer_file_in_aws_data_path_is_used(tmp_path, monkeypatch):
    folder = tmp_path / "dynamodb" / "2099-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps({"version": "2.0"}))
    monkeypatch.setenv("MODELS", str(tmp_path))
    assert FewFolders("/nowhere:$MODELS").load_service_model("dynamodb", "service-2") == {"version": "2.0"}


def test_credentials_of_an_assumed_role_can_be_asked_for(tmp_path, monkeypatch):
    """STS is asked with a client of the same session. Nothing answers here."""
    profile = "role_arn = arn:aws:iam::123456789012:role/a\nsource_profile = b"
    config = Path(tmp_path / "config")
    config.write_text(f"[profile a]\n{profile}\n[profile b]\naws_access_key_id = k\naws_secret_access_key = s\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "a")
    session = Connection(dynamodb.SERVICE, "eu-west-1")._session
    assert session.get_credentials().method == "assume-role"
    assert session.create_client("sts", region_name="eu-west-1").meta.service_model.service_name == "sts"


class Sent(Exception):
    """What a client would have sent."""


def addresses(service, *regions):
    """Return the address of each region to which a request would go."""

    def stop(request, **_):
        raise Sent(request.url)

    found, session = [], Connection(service, "us-east-1")._session
    for region in regions:
        client = session.create_client(service.id, region_name=region, config=UNCHECKED)
        client.meta.events.register_first("before-send", stop)  # before moto, which other tests may have started
        with pytest.raises(Sent) as sent:
            getattr(client, LISTS[service])()
        found.append(str(sent.value).rstrip("/"))
    return found


def by_rules(service, *regions, fips=False, dual_stack=False):
    """Return the address of each region according to the service's rules."""
    rules = EndpointProvider(Loader().load_service_model(service.id, "endpoint-rule-set-1"), PARTITIONS)
    special = {"UseFIPS": fips, "UseDualStack": dual_stack}
    return [rules.resolve_endpoint(Region=region, **special).url for region in regions]


@pytest.mark.parametrize("service", LISTS, ids=lambda service: service.id)
def test_requests_go_to_the_address_that_the_services_rules_give_each_region(service):
    regions = [*REGIONS, *LATER]
    assert len(regions) > 35
    assert addresses(service, *regions) == by_rules(service, *regions)


@pytest.mark.parametrize("service", LISTS, ids=lambda service: service.id)
def test_requests_are_signed_for_the_same_service_and_region_as_by_the_rules(service):
    for region in ("eu-west-1", "us-gov-west-1", "cn-north-1"):
        signers = [
            session.create_client(service.id, region_name=region)._request_signer
            for session in (Connection(service, region)._session, Session())
        ]
        ours, botocores = [(signer.signing_name, signer.region_name, signer.signature_version) for signer in signers]
        assert ours == botocores


@pytest.mark.parametrize("service", LISTS, ids=lambda service: service.id)
def test_the_rules_are_used_by_a_botocore_that_insists_on_them(monkeypatch, service):
    monkeypatch.setattr("botocore.client.UnknownServiceError", KeyError)  # it no longer handles their absence
    client = Connection(service, "eu-west-1").client(read_timeout=1, attempts=1)
    assert client._ruleset_resolver is not None


@pytest.mark.parametrize("service", LISTS, ids=lambda service: service.id)
@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1"])
def test_other_addresses_of_a_region_can_be_asked_for(monkeypatch, service, region):
    with monkeypatch.context() as environ:
        environ.setenv("AWS_USE_FIPS_ENDPOINT", "true")
        assert addresses(service, region) == by_rules(service, region, fips=True)
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    assert addresses(service, region) == by_rules(service, region, dual_stack=True)


@pytest.mark.parametrize("mode", ["required", "REQUIRED"])
def test_addresses_can_be_required_to_name_the_account(monkeypatch, mode):
    monkeypatch.setenv("AWS_ACCOUNT_ID", "123456789012")
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", mode)
    assert addresses(dynamodb.SERVICE, "eu-west-1") == ["https://123456789012.ddb.eu-west-1.amazonaws.com"]
