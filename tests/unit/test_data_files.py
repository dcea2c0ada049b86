"""botocore's files about services are those that botocore itself would find."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader

from chalicelib.storage.connections import Connection
from chalicelib.storage.data_files import FewFolders
from chalicelib.storage.dynamodb import SERVICE

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
    session = Connection(SERVICE, "eu-west-1")._session
    assert session.get_credentials().method == "assume-role"
    assert session.create_client("sts", region_name="eu-west-1").meta.service_model.service_name == "sts"
