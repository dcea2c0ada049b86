"""botocore's files about services. Imported with the first client, because it imports botocore."""

import os
from collections.abc import Callable, Collection, Iterator
from typing import Any

from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader

ADDRESS_RULES = "endpoint-rule-set-1"


class FewFolders(Loader):
    """Finds the files of services as botocore does, in its own folders and in those of ``AWS_DATA_PATH``.

    To find out whether there is a service, botocore looks through the folders of all services, of which there are more
    than 400, twice for each client. That takes several per cent of a cold start. This looks into the service's only.

    Of the services ``by_region``, it finds no rules for addresses. As with any service without rules, botocore then
    looks up the region's address when it creates a client. Otherwise, it would read the rules then, which takes another
    15% of a cold start, and evaluate them for each request.
    """

    def __init__(self, data_path: str | None, by_region: Collection[str] = ()) -> None:
        paths = data_path.split(os.pathsep) if data_path else []
        expanded = [os.path.expanduser(os.path.expandvars(path)) for path in paths]  # noqa: PTH111  (as botocore does)
        super().__init__(extra_search_paths=expanded)
        self.by_region = by_region

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """Return a service's file. Raises ``UnknownServiceError`` if there is none."""
        if type_name == ADDRESS_RULES and service_name in self.by_region:
            raise UnknownServiceError(service_name=service_name, known_service_names="none that has rules")
        return super().load_service_model(service_name, type_name, api_version)

    def list_available_services(self, type_name: str) -> Any:
        """Return the services that have a file of this type, such as ``service-2``."""
        every = super().list_available_services
        return _Services(lambda service: self._has(service, type_name), lambda: every(type_name))

    def _has(self, service: str, type_name: str) -> bool:
        try:
            self.list_api_versions(service, type_name)
        except DataNotFoundError:
            return False
        return True


class _Services:
    """Names of services. All of them are listed only if somebody iterates over them."""

    def __init__(self, has: Callable[[str], bool], all_of_them: Callable[[], list[str]]) -> None:
        self._has = has
        self._all = all_of_them

    def __contains__(self, service: str) -> bool:
        return self._has(service)

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())
