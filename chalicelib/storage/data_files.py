"""botocore's files about services. Imported with the first client, because it imports botocore."""

import os
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader


class FewFolders(Loader):
    """Finds the files of services as botocore does, in its own folders and in those of ``AWS_DATA_PATH``.

    To find out whether there is a service, botocore looks through the folders of all services, of which there are more
    than 400, twice for each client. That takes several per cent of a cold start. This looks into the service's only.
    """

    def __init__(self, data_path: str | None) -> None:
        paths = data_path.split(os.pathsep) if data_path else []
        expanded = [os.path.expanduser(os.path.expandvars(path)) for path in paths]  # noqa: PTH111  (as botocore does)
        super().__init__(extra_search_paths=expanded)

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
